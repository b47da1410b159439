"""Live: what is known put to use, request by request."""

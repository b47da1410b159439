"""pointsman: one proxy in front of every model provider."""

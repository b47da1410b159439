"""One module for each page: `show` says what is on it."""

"""See `conda`."""

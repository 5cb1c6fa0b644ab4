"""Imported for what conda's own does to loggers; here nothing needs it."""

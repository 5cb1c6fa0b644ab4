"""Imported for what it does to loggers, which these tests need nothing of."""

"""Pytest fixtures for hub plugins; loaded by pytest through its entry point."""

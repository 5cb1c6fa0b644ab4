"""Clusters as processes of one machine."""

__all__: list[str] = []

"""QHub's part of Dask-Gateway: who asks, what they may have, and how clusters become processes or pods.

Nothing is imported here: command line and hub know this room without the gateway's libraries.
"""

__all__: list[str] = []

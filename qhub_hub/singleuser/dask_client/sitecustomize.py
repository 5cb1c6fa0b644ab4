"""Keeps dask-gateway's client from waiting for itself, in every Python of a server: run by `site` at its start.

`Gateway.__del__` of dask-gateway 2026.3.0 closes the connection and waits for that. Where the garbage collector runs on
the thread of the event loop, that thread waits for its own end, and every later call of the kernel hangs for ever:
after the second refused `new_cluster()` of a loop. Here the loop's own thread says that the connection is to be closed,
and goes on.

It runs in environments that hold no part of QHub and at every start of a Python, so it needs nothing that is not loaded
then, and does nothing before the client is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

TYPE_CHECKING = False  # `typing` itself costs more than all of this
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_CLIENT = "dask_gateway.client"


def mend(client: ModuleType) -> None:
    """Replace `Gateway.close` of the client's module; nothing where it is not as expected."""
    import asyncio

    gateway: Any = getattr(client, "Gateway", None)
    if not hasattr(gateway, "_cleanup") or not hasattr(gateway, "close"):
        return
    waiting = gateway.close

    def close(self: Any) -> Any:
        """Close the gateway client"""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            return waiting(self)
        if self.asynchronous or here is not getattr(self.loop, "asyncio_loop", None):
            return waiting(self)
        session, self._session = self._session, None
        if session is not None:
            # The session and not `self`, which is being collected. The task is in the list until it is done.
            task = here.create_task(session.close())
            closing.append(task)
            task.add_done_callback(closing.remove)
        return None

    closing: list[Any] = []
    gateway.close = close


class MendingFinder:
    """Finds the client where it is, and mends it once it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder.find_spec`."""
        if name != _CLIENT:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            loader = spec.loader
            load = loader.exec_module

            def load_and_mend(module: ModuleType) -> None:
                load(module)
                mend(module)

            loader.exec_module = load_and_mend  # type: ignore[method-assign]
        return spec


def run_the_other() -> None:
    """Run the `sitecustomize` that this one stands before, as Debian's Python has one."""
    own = __file__.rpartition("/")[0]
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if folder != own])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, MendingFinder)  # its method is static
    run_the_other()

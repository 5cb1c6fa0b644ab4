"""Keeps dask-gateway's client from waiting for itself, in every Python of a server: run by `site` at its start.

Dask's own client is told of the gateway, too: `Client("gateway://…")`, which JupyterLab's Dask panel writes into
notebooks, finds the cluster's keys and its dashboard.

`__del__` of dask-gateway 2026.3.0's `Gateway` and `GatewayCluster` closes connections and waits for that, on whichever
thread the garbage collector happens to run. On that of the event loop it waits for its own end, and every later call of
the kernel hangs for ever; on one that is just making an event loop it waits for a lock that is held until that loop is
there. Both happen after a few refused `new_cluster()`. Here a thread of its own does it, and nobody waits.

It runs in environments that hold no part of QHub and at every start of a Python, so it needs nothing that is not loaded
then, and does nothing before the client is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

TYPE_CHECKING = False  # `typing` itself costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_GATEWAY = "gateway://"


def mend(client: ModuleType) -> None:
    """Replace `__del__` of the client's classes; nothing where they are not as expected."""
    for name in ("Gateway", "GatewayCluster"):
        kind: Any = getattr(client, name, None)
        if hasattr(kind, "__del__"):
            kind.__del__ = _elsewhere(kind.__del__)


def _elsewhere(collected: Callable[[Any], None]) -> Callable[[Any], None]:
    # Not `threading`: starting a thread takes a lock there, which the collector may have interrupted a holder of.
    from _thread import start_new_thread
    from contextlib import suppress

    def finish(what: Any) -> None:
        with suppress(RuntimeError):  # its event loop has ended before it
            collected(what)

    def leave(what: Any) -> None:
        if getattr(what, "asynchronous", True):
            return  # as upstream: who made it so closes it
        with suppress(RuntimeError):  # the interpreter ends
            start_new_thread(finish, (what,))

    return leave


def know_gateway(client: ModuleType) -> None:
    """Let `Client("gateway://…")` find its keys, and its `dashboard_link` be the hub's address of the dashboard.

    By itself Dask (seen with 2026.8.0) makes one of the proxy's host and the scheduler's port, where nothing answers.
    """
    from dask import config

    # Not by an environment variable: Dask fails where it can't import this, as in a Python with another PYTHONPATH.
    if not config.get("distributed.client.security-loader", None):
        config.set({"distributed.client.security-loader": "qhub_gateway_security.load"})
    kind: Any = getattr(client, "Client", None)
    link = getattr(kind, "dashboard_link", None)
    if not isinstance(link, property) or link.fget is None:
        return
    own = link.fget

    def dashboard_link(self: Any) -> Any:
        address = getattr(getattr(self, "scheduler", None), "address", None)
        if getattr(self, "cluster", None) is not None or not str(address).startswith(_GATEWAY):
            return own(self)
        public = str(config.get("gateway.public-address", None) or "").rstrip("/")
        return f"{public}/clusters/{str(address).rpartition('/')[2]}/status"

    kind.dashboard_link = property(dashboard_link, doc=link.__doc__)


_MENDED = {"dask_gateway.client": mend, "distributed.client": know_gateway}


class MendingFinder:
    """Finds the clients where they are, and mends each once it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder.find_spec`."""
        if name not in _MENDED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            loader = spec.loader
            load = loader.exec_module

            def load_and_mend(module: ModuleType) -> None:
                load(module)
                _MENDED[name](module)

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

"""Work goes on while nobody watches: silent jobs in terminals and busy kernels are activity of the server.

A Jupyter Server extension. What it finds goes into the server's settings under a name that ends with
`_last_activity`: Jupyter Server counts all such settings, JupyterHub's own extension reports the latest to the hub, and
the hub's culler reads it there. Another part of the server adds activity of its own kind the same way.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_server._tz import utcnow
from tornado.ioloop import PeriodicCallback

from qhub_hub.singleuser.jobs import Jobs, Reading, works

SETTING = "qhub_work_last_activity"
_SOONEST, _LATEST = 5, 60  # seconds between two looks


class Activity:
    """Looks whether somebody's work goes on, and stamps server and terminals with it.

    Args:
        settings: of the server's web application: its terminals and kernels are found there.
        jobs: reads what the terminals' programs use.
    """

    def __init__(self, settings: dict[str, Any], jobs: Jobs) -> None:
        self._settings = settings
        self._jobs = jobs
        self._before: dict[int, Reading] = {}
        self._looked = time.monotonic()

    async def look(self) -> None:
        """Compare with the last look. Takes some milliseconds, and nothing before the first terminal is opened."""
        if any(kernel.execution_state == "busy" for kernel in self._kernels()):
            self._settings[SETTING] = utcnow()
        terminals = {terminal.ptyproc.pid: terminal for terminal in self._terminals()}
        # Jupyter Server sets it once somebody has used a terminal; its programs may have outlived it by now.
        if not terminals and "terminal_last_activity" not in self._settings:
            return
        now = await asyncio.to_thread(self._jobs.read, terminals)
        moment = time.monotonic()
        for number, reading in now.items():
            before = self._before.get(number)
            if before is not None and works(before, reading, moment - self._looked):
                self._settings[SETTING] = utcnow()
                if number in terminals:
                    # Jupyter's own culling of terminals (jupyter_server_terminals 0.5) knows output only.
                    terminals[number].last_activity = utcnow()
        self._before, self._looked = now, moment

    def _kernels(self) -> Iterable[Any]:
        manager = self._settings["kernel_manager"]
        return [manager.get_kernel(name) for name in manager.list_kernel_ids()]

    def _terminals(self) -> Iterable[Any]:
        manager = self._settings.get("terminal_manager")
        return list(manager.terminals.values()) if manager is not None else ()


def interval(env: Mapping[str, str]) -> int:
    """Seconds between two looks: a minute, or a quarter of the shortest limit that activity holds off.

    Args:
        env: `QHUB_IDLE` and `QHUB_TERMINAL_IDLE`, seconds; what is no number limits nothing.
    """
    texts = (env.get(name, "") for name in ("QHUB_IDLE", "QHUB_TERMINAL_IDLE"))
    limits = [int(text) for text in texts if text.isascii() and text.isdecimal() and int(text)]
    return max(_SOONEST, min([_LATEST, *(limit // 4 for limit in limits)]))


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Look from now on, until the server ends."""
    # Jupyter Server 2 pings every websocket each 30 s, and the proxy takes the browser's answer for activity (seen with
    # configurable-http-proxy 5.3): a forgotten tab would keep the server for ever.
    serverapp.web_app.settings["ws_ping_interval"] = 0
    # Terminals get it from Jupyter Server, kernels don't.
    mark = f"JUPYTER_SERVER_URL={serverapp.connection_url}".encode()
    activity = Activity(serverapp.web_app.settings, Jobs(mark))
    timer = PeriodicCallback(activity.look, interval(os.environ) * 1000)
    timer.start()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]

"""Keeps the Dask gateway of one machine running while the hub does: started after it, started anew when it ends.

Not one of JupyterHub's managed services: JupyterHub 6.1 waits for those before people can sign in, and ends itself when
one of them does not come up (`JupyterHub.start`). A gateway that fails must not keep people from their notebooks.
"""

import logging
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

_PATIENCE = 30.0  # seconds for clusters to end with it
_PAUSE = 2.0  # seconds between its end and the next start

_log = logging.getLogger("QHub.dask")


class GatewayProcess:
    """The process, once it is started.

    Args:
        command: see `OneMachine.dask_command`.
        variables: the names by which JupyterHub tells its services where it is and who they are.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self._command = list(command)
        self._variables = dict(variables)
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and look after it from now on."""
        threading.Thread(target=self._run, name="dask-gateway", daemon=True).start()

    def stop(self) -> None:
        """End it with its clusters."""
        self._ending.set()
        with self._lock:
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            _log.error("The Dask gateway did not end; it is killed")
            process.kill()
            process.wait()

    def _run(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                if self._ending.is_set():
                    return
                self._process = process = self._begin()
            code = process.wait()
            if not self._ending.wait(_PAUSE):
                _log.error("The Dask gateway ended with exit code %i and is started anew", code)

    def _begin(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - this Python
            self._command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self._variables},
            start_new_session=True,  # Ctrl-C is for the hub, which then ends it
        )

"""One of conda-store's programs: started with few rights, kept running while the hub does, its output in a file."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import monotonic
from typing import IO, Any

from qhub_hub.environments.access import BUILDER

_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds between its end and the next start; longer every time
_STEADY = 60.0  # seconds that it must run to count as started
_PATIENCE = 6.0  # seconds for it to end; the keeper waits for a part of that
_LARGEST_LOG = 10_000_000  # bytes

_log = logging.getLogger("QHub.conda-store")


class Program:
    """A program, once it is started.

    Args:
        command: with arguments.
        nice: how far other programs come first, 0 to 19.
        variables: all of its environment.
        log: file for its output.
        own_ids: whether it becomes a user of its own; needs root.
    """

    def __init__(
        self, command: Sequence[str], nice: int, variables: Mapping[str, str], log: Path, own_ids: bool
    ) -> None:
        self._name = Path(command[0]).name
        self._command = [sys.executable, "-P", "-m", "qhub_hub.conda_store.keeper", str(nice), *command]
        self._variables = dict(variables)
        self._file = log
        self._ids: dict[str, Any] = {"user": BUILDER, "group": BUILDER, "extra_groups": []} if own_ids else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    def start(self) -> None:
        """Start it, and look after it from now on."""
        self._thread.start()

    def end(self) -> None:
        """Tell it to end."""
        self._ending.set()
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self) -> None:
        """Wait until it has ended, with all that it began."""
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        self._kill()

    def _run(self) -> None:
        output = RotatingFileHandler(self._file, maxBytes=_LARGEST_LOG, backupCount=1, encoding="utf-8")
        try:
            pause = _PAUSE
            while not self._ending.is_set():
                begun = monotonic()
                code = self._run_once(output)
                pause = _PAUSE if monotonic() > begun + _STEADY else min(2 * pause, _LONGEST_PAUSE)
                if not self._ending.is_set():
                    again = f"it is started anew in {pause:.0f} s. See {self._file}"
                    _log.error("%s ended with exit code %i; %s", self._name, code, again)
                self._ending.wait(pause)
        finally:
            output.close()

    def _run_once(self, output: logging.Handler) -> int:
        with self._lock:
            if self._ending.is_set():
                return 0
            process = self._process = self._begin()
        copying = threading.Thread(target=_copy, args=(process.stdout, output), daemon=True)
        copying.start()
        code = process.wait()
        # What it has started may go on, and hold its output.
        self._kill()
        copying.join()
        return code

    def _begin(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - this Python
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._variables,
            start_new_session=True,  # Ctrl-C is for the hub, which then ends it
            **self._ids,
        )

    def _kill(self) -> None:
        with self._lock:
            process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _copy(lines: IO[bytes], output: logging.Handler) -> None:
    with lines:
        for line in lines:
            output.handle(logging.makeLogRecord({"msg": line.decode(errors="replace").rstrip()}))

"""Runs one of conda-store's programs for as long as QHub's hub is there.

`python -m qhub_hub.conda_store.keeper NICE PROGRAM …`: its standard input is a pipe that the hub holds and writes
nothing into. When the hub ends, in whichever way, the pipe does, too, and with it the program and all that it started.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from qhub_hub.conda_store.folder import WORKER, forget_drafts

_PATIENCE = 2.0  # seconds for the program to end by itself


def _end_with_hub(program: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    program.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):  # a worker would end its build first
        program.wait(_PATIENCE)
    os.killpg(0, signal.SIGKILL)  # the session is its own


def prepare(nice: int, home: Path) -> None:
    """What is to be so before a program of conda-store's starts.

    Args:
        nice: how far other programs come first, 0 to 19.
        home: of the program.
    """
    os.umask(0o022)
    os.nice(nice)
    # celery's clock ends where this is missing (facts/conda-store.md §1.3 b).
    (home / ".local/share/conda-store").mkdir(parents=True, exist_ok=True)


def main() -> int:
    """Run the program; returns its exit code."""
    prepare(int(sys.argv[1]), Path.home())
    if Path(sys.argv[2]).name == WORKER:
        forget_drafts(os.environ)
    else:  # what others have there, a worker would remove at its start
        os.environ.pop("TMPDIR", None)
    program = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)  # noqa: S603 - what the hub names
    threading.Thread(target=_end_with_hub, args=[program], daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())

"""Processes of one machine: recognised after a hub restart, waited for without polling, ended with all they started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "QHUB_SERVER_MARK"
"""Variable in a server's environment that whatever it starts inherits."""


def start_ticks(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None: it is gone, or a zombie.

    A pid alone is not an identity: the kernel hands numbers out again, and after a reboot every number is a stranger's.

    Source: proc(5), field 22 of `/proc/<pid>/stat`, counted behind the command's closing parenthesis.
    """
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def boot_id() -> str:
    """A text that is another one after every boot of this machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


async def wait_until_gone(pid: int, patience: float) -> bool:
    """Wait for the end of any process, child or not, and say whether it came.

    Args:
        patience: seconds.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    # A pidfd becomes readable at the very moment the process ends: no polling, no random back-off.
    loop.add_reader(handle, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), patience)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    return True


def marks() -> Iterator[tuple[int, str]]:
    """Pid and mark of every process on this machine that carries one: servers and everything started from them."""
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                for variable in (entry / "environ").read_bytes().split(b"\0"):
                    if variable.startswith(f"{MARK}=".encode()):
                        yield int(entry.name), variable.partition(b"=")[2].decode(errors="replace")


def end_marked(mark: str) -> int:
    """Kill what a server left behind (`nohup` jobs, daemons); returns how many processes that were."""
    ended = 0
    for pid in [pid for pid, found in marks() if found == mark]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            ended += 1
    return ended

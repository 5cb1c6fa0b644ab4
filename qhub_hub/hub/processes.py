"""Processes of one machine: recognised after a hub restart, waited for without polling, ended with all they started."""

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "QHUB_SERVER_MARK"
"""Variable in a server's environment that whatever it starts inherits."""

_ROUNDS = 20  # looks for processes that were started while others were being ended
_DIES_WITHIN = 0.5  # seconds between SIGKILL and the end, unless a process hangs in the kernel


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


def mark_of(pid: int) -> str | None:
    """The mark that a process carries; None: it has none, is gone, or is another user's."""
    with contextlib.suppress(OSError):
        for variable in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
            if variable.startswith(f"{MARK}=".encode()):
                return variable.partition(b"=")[2].decode(errors="replace")
    return None


def marks() -> Iterator[tuple[int, str]]:
    """Pid and mark of every process on this machine that carries one: servers and everything started from them."""
    for pid in _numbers():
        if (mark := mark_of(pid)) is not None:
            yield pid, mark


def end_left_behind(wanted: Collection[str], members: Callable[[], Collection[int]] = frozenset) -> int:
    """Kill what servers left behind (`nohup` jobs, daemons), and wait until it is gone. May block for a moment.

    Args:
        wanted: marks of servers that have ended.
        members: pids in the control groups of these servers, where there are any. A mark is in a process' own
            memory, so its owner can remove it; from a control group nobody gets away.

    Returns:
        How many processes that were.
    """
    ended: set[int] = set()
    found_none = 0
    for _ in range(_ROUNDS):
        # Meanwhile they can start others: until two looks in a row find none.
        killed = _kill_once(frozenset(wanted), members)
        found_none = 0 if killed else found_none + 1
        if found_none == 2:
            break
        ended |= killed
    return len(ended)


def _kill_once(wanted: frozenset[str], members: Callable[[], Collection[int]]) -> set[int]:
    killed: set[int] = set()
    with contextlib.ExitStack() as held:
        waiting = []
        grouped = members()
        for pid in (*grouped, *_all_and_newer()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                handle = os.pidfd_open(pid)
                held.callback(os.close, handle)
                # Asked only now that it is held: the number may have become a stranger's, and this runs as root.
                belongs = mark_of(pid) in wanted or (pid in grouped and pid in members())
                if belongs and start_ticks(pid) is not None:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    killed.add(pid)
                    waiting.append(handle)
        for handle in waiting:
            end = select.poll()  # and not select(), which knows no descriptor above 1023
            end.register(handle, select.POLLIN)
            end.poll(_DIES_WITHIN * 1000)
    return killed


def _all_and_newer() -> Iterator[int]:
    """All processes, the newest first, then those that have begun meanwhile: one that flees by starting another, which
    a look at all of them is too slow for, is among these.
    """
    seen: set[int] = set()
    for _ in range(_ROUNDS):
        if not (newer := set(_numbers()) - seen):
            return
        seen |= newer
        yield from sorted(newer, reverse=True)


def _numbers() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())

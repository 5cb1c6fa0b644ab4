"""A process that does nothing until it is let go: no user's code runs before its limits are set."""

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

from qhub_hub.sessions import Process

# It waits for a word, then becomes the command under the same pid. When the hub is gone before it said the word, the
# end of the pipe is found, and the command is never started.
_WAITING = (sys.executable, "-I", "-S", str(Path(__file__).with_name("begin.py")))
_LAST_WORDS = 2000  # bytes


@dataclass(frozen=True)
class Surroundings:
    """What the hub adds to a planned process.

    Args:
        arguments: after those of the plan.
        env: all of its environment.
        log: gets its output; closed to everybody but the hub.
        limits: resource limits by the system's number for them.
        own_ids: whether it becomes its owner; needs root.
    """

    arguments: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    limits: Mapping[int, int]
    own_ids: bool


def hold(process: Process, around: Surroundings) -> "Popen[bytes]":
    """Make the process, with its ids, folder and log, but don't let it begin.

    Raises:
        OSError: the system refuses: ids, folder or log.
    """
    # Set by the child itself between fork and exec, in C: unlike a preexec_fn this is safe in a process with threads.
    ids: dict[str, Any] = {"user": process.uid, "group": process.gid, "extra_groups": list(process.gids)}
    limits = ",".join(f"{kind}={amount}" for kind, amount in around.limits.items())
    with open(around.log, "wb", opener=_closed_to_others) as output:
        return Popen(  # noqa: S603 - the plan's command, no shell
            [*_WAITING, limits, *process.argv, *around.arguments],
            env=around.env,
            cwd=process.cwd,
            stdin=PIPE,
            stdout=output,
            stderr=STDOUT,
            umask=process.umask,
            start_new_session=True,
            **(ids if around.own_ids else {}),
        )


def let_go(held: "Popen[bytes]") -> None:
    """Let the process begin."""
    if held.stdin is not None:
        with contextlib.suppress(BrokenPipeError), held.stdin as pipe:
            pipe.write(b"go\n")


def give_up(held: "Popen[bytes]") -> None:
    """End a process that was not let go."""
    if held.stdin is not None:
        held.stdin.close()
    held.wait()


def last_words(log: Path) -> str:
    """The end of a process' output for another log: not much of it, and nothing that a terminal would obey."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_WORDS))
            text = file.read(_LAST_WORDS).decode(errors="replace")
    except OSError:
        return "(its log can't be read)"
    return "\n".join(
        "  | " + "".join(character if character.isprintable() else "�" for character in line)
        for line in text.splitlines()
    )


def _closed_to_others(path: str, flags: int) -> int:
    # A server may open its own output again through /proc/self/fd, and one day another server may be given this file.
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)

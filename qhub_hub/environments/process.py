"""The process of a build: begun with as few rights as can be, listened to, and ended with all that it began."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from qhub_hub.environments.access import BUILDER, Access
from qhub_hub.environments.records import ENDED

_LONGEST_LINE = 32 * 2**20  # characters that a build may say at once
_WITHIN = 3600.0  # seconds for one build
_KEPT = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")  # and in lower case


def ask(job: dict[str, Any], cache: Path, access: Access, log: IO[str], note: Callable[[str], None]) -> dict[str, Any]:
    """Have a job done; what is said meanwhile is passed on, and the last word returned.

    Args:
        job: see `worker`.
        cache: where packages are kept.
        access: where builds have a user of their own, its groups.
        log: gets the process's errors.
        note: is told what it says.

    Returns:
        `done` with what it found, or `problem`, a sentence, with `again`.
    """
    with _begun(cache, access, log) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process has no pipes that were asked for")
        last: dict[str, Any] = {}
        watch = threading.Timer(_WITHIN, _end, [process.pid])
        watch.start()
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            for message in _messages(process.stdout):
                if "say" in message:
                    note(str(message["say"])[:500])
                else:
                    last = message
        except BrokenPipeError:
            pass  # it ended before it could be told; its log says why
        finally:
            watch.cancel()
            _end(process.pid)
    return _answer(last, note)


def _begun(cache: Path, access: Access, log: IO[str]) -> "subprocess.Popen[str]":
    ids: dict[str, Any] = {"user": BUILDER, "group": BUILDER, "extra_groups": list(access.gids)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "qhub_hub.environments.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=cache,
        env=surroundings(cache),
        text=True,
        start_new_session=True,
        **(ids if access.own_ids else {}),
    )


def _answer(last: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    if "done" in last and isinstance(last["done"], dict):
        return last
    if isinstance(last.get("problem"), str):
        note(last["problem"][:1000])
        return {"problem": last["problem"][:1000], "again": last.get("again")}
    return {"problem": ENDED, "again": True}


def _end(session: int) -> None:
    """End a build with the programs that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def _messages(stream: IO[str]) -> Iterator[dict[str, Any]]:
    while line := stream.readline(_LONGEST_LINE):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message
            if "say" not in message:
                return


def surroundings(cache: Path) -> dict[str, str]:
    """The environment of a program that builds: nothing of the hub's own, which holds its secrets.

    Args:
        cache: its home.
    """
    kept = {name for base in _KEPT for name in (base, base.lower())}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(cache),
        "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name in kept},
    }

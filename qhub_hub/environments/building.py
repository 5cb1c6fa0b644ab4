"""Builds one environment: in a process of its own, into a folder of its own, and into force only when it is whole."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qhub_hub.config.quantities import show_bytes
from qhub_hub.environments.access import BUILDER, Access, open_to
from qhub_hub.environments.builds import Build, BuildError, Builds
from qhub_hub.environments.manifest import FAILED, READY, kernel_of, write_whole
from qhub_hub.environments.process import ask
from qhub_hub.environments.specification import Specification

_LONGEST_PREFIX = 250  # characters; packages have room for 255 in their programs


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be used.

    Args:
        quota: bytes of all builds of the namespace.
        min_free: bytes that stay free on the disk.
    """

    quota: int
    min_free: int


def build(
    builds: Builds,
    wanted: Specification,
    access: Access,
    room: Room,
    say: Callable[[str], None] = lambda text: None,
) -> Build:
    """Build an environment and put it into force. Where that fails, the one before stays.

    Args:
        access: who may see the namespace.
        say: is told how far it is, a sentence at a time.

    Returns:
        The record, of a failed build too.

    Raises:
        BuildError: nothing was begun: it is being built already, the disk or the quota is full, the path too long.
    """
    if find_spec("rattler") is None:
        raise BuildError("Nothing can be built without py-rattler: pip install 'qhub-hub[environments]'.")
    namespace, name = wanted.namespace, wanted.name
    with told(f"{wanted.key} can't be built in {builds.root}"):
        prepare(builds, namespace, access)
        with builds.locked(namespace, name):
            builds.remove_unfinished(namespace, name)
            left = _room_left(builds, namespace, room)
            key = builds.begin(namespace, name, wanted.digest)
            done = _run(builds, wanted, access, (key, left), say)
            if done.status == READY and done.size > left:
                done = _too_large(done, left)
            if done.status == FAILED:
                shutil.rmtree(builds.folder(namespace, name) / key, ignore_errors=True)
            builds.finish(namespace, name, done)
            if done.status == READY:
                builds.switch(namespace, name, key)
            else:
                builds.publish(namespace, name)
    say(done.message or f"{wanted.key} is ready after {done.seconds:.0f} s.")
    return done


def prepare(builds: Builds, namespace: str, access: Access) -> None:
    """Make a namespace's folders, open to those who may see it.

    Raises:
        BuildError: that is no name of a namespace.
        OSError: they can't be made.
    """
    builds.root.mkdir(parents=True, exist_ok=True)
    builds.root.chmod(0o755)
    folder = builds.namespace(namespace)
    folder.mkdir(exist_ok=True)
    open_to(folder, access)
    for part in ("builds", "envs", "environments"):
        (folder / part).mkdir(exist_ok=True)
    builds.cache.mkdir(mode=0o700, exist_ok=True)
    if access.own_ids:
        os.chown(builds.cache, BUILDER, BUILDER)


def _room_left(builds: Builds, namespace: str, room: Room) -> int:
    used = builds.size(namespace)
    if used >= room.quota:
        raise BuildError(
            f"The builds in {namespace} take {show_bytes(used)} of {show_bytes(room.quota)}. Remove one with "
            "`qhub env remove`, or raise qhub.environments.quota."
        )
    free = _free(builds)
    if free <= room.min_free:
        builds.clear_cache()
        free = _free(builds)
    if free <= room.min_free:
        raise BuildError(
            f"Only {show_bytes(free)} are free on the disk of {builds.root}, and {show_bytes(room.min_free)} must stay "
            "free (qhub.environments.keep.minFree)."
        )
    return min(room.quota - used, free - room.min_free)


def _free(builds: Builds) -> int:
    state = os.statvfs(builds.root)
    return state.f_bavail * state.f_frsize


def _run(
    builds: Builds, wanted: Specification, access: Access, place: tuple[str, int], say: Callable[[str], None]
) -> Build:
    key, left = place
    folder = builds.folder(wanted.namespace, wanted.name)
    prefix = folder / key
    if len(str(prefix)) > _LONGEST_PREFIX:
        raise BuildError(f"The path {prefix} is too long for programs in it; choose a shorter state folder or name.")
    if access.own_ids:
        os.chown(prefix, BUILDER, BUILDER)
    job = {
        "prefix": str(prefix),
        "cache": str(builds.cache),
        "channels": wanted.channels,
        "dependencies": wanted.dependencies,
        "cuda": wanted.cuda,
        "room": left,
    }
    begun = time.monotonic()
    with open(folder / f"{key}.log", "w", encoding="utf-8") as log:
        os.fchmod(log.fileno(), 0o644)

        def note(text: str) -> None:
            log.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")
            log.flush()
            say(text)

        note(f"Building {wanted.key}")
        with builds.cache_in_use():
            answer = ask(job, builds.cache, access, log, note)
    asked = Build(key, FAILED, "", False, wanted.dependencies, wanted.channels, time.monotonic() - begun)
    if "done" not in answer:
        return replace(asked, message=answer["problem"], again=bool(answer.get("again")))
    try:
        return _record(asked, answer["done"], folder)
    except (TypeError, ValueError, KeyError):
        return replace(asked, message="The build said something that can't be understood.")


def _record(asked: Build, done: dict[str, Any], folder: Path) -> Build:
    # Programs of the packages ran where this was said: it is checked like everything from outside.
    write_whole(folder / f"{asked.key}.lock.txt", str(done["lock"]), 0o644)
    return replace(
        asked,
        status=READY,
        kernels=tuple(map(kernel_of, done["kernels"])),
        python=str(done["python"]),
        packages={str(name): str(version) for name, version in done["packages"].items()},
        size=int(done["size"]),
        activated=bool(done["activated"]),
    )


def _too_large(done: Build, left: int) -> Build:
    message = f"It takes {show_bytes(done.size)}, and {show_bytes(left)} were left for it."
    return Build(
        done.key, FAILED, message, dependencies=done.dependencies, channels=done.channels, seconds=done.seconds
    )


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn an operating system's error into a `BuildError` that begins with `what`."""
    try:
        yield
    except OSError as error:
        raise BuildError(f"{what}: {os.strerror(error.errno or 0)}.") from error

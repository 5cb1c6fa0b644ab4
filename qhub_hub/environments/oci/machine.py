"""A base of this machine's own: the C library that the environment's programs ask for, a shell, and nothing else.

conda's packages bring all that they need but these. Where no base is named, so little makes an image that runs.
"""

import os
import platform
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.environments.oci.elf import read_elf
from qhub_hub.environments.oci.prefix import FILE, FOLDER, LINK, Entry, Prefix
from qhub_hub.environments.oci.tar import Item, Pieces, Stated

PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64"}
"""What the image specification calls the processors of Linux."""

_PROGRAMS = ("/bin/sh", "/usr/bin/env")  # scripts begin with them
_FOLDERS = ("/lib/{0}-linux-gnu", "/usr/lib/{0}-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
_LOCALE = "/usr/lib/locale/C.utf8"
_STATED = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
}
_LONGEST = 40  # links that lead to one another, as the kernel has it


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine goes into an image.

    Args:
        items: sorted by name.
        libraries: names of those that are in it.
        missing: names of those that are nowhere; programs may do without.
    """

    items: tuple[Item, ...]
    libraries: tuple[str, ...]
    missing: tuple[str, ...]


def name_of_machine() -> str:
    """What its system calls itself, such as `Debian GNU/Linux 12 (bookworm)`."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def of_this_machine(prefix: Prefix, entries: Iterable[Entry]) -> Machine:
    """What an environment needs from outside of itself, from this machine.

    Raises:
        OSError: something can't be read.
    """
    entries = tuple(entries)
    inside = {posixpath.basename(entry.path) for entry in entries}
    wanted: dict[str, None] = dict.fromkeys(_PROGRAMS)
    names: set[str] = set()
    for entry in entries:
        if entry.kind == FILE and (entry.executable or ".so" in entry.path):
            with open(prefix.open(entry.path), "rb") as file:
                linked = read_elf(file)
            if linked is not None:
                names.update(linked.needed)
                if linked.interpreter:
                    wanted[linked.interpreter] = None
    found = _with_what_they_need(wanted, names - inside)
    paths = [*found.values(), *wanted, *_locale()]
    items = {item.name: item for path in paths for item in _items(path)} | _stated()
    missing = tuple(sorted(names - inside - found.keys()))
    return Machine(tuple(items[name] for name in sorted(items)), tuple(sorted(found)), missing)


def _with_what_they_need(programs: Iterable[str], names: Iterable[str]) -> Mapping[str, str]:
    """Path of every library of these names, of those that the programs ask for, and so on."""
    found: dict[str, str] = {}
    ahead = [*names, *(name for program in programs for name in _needed(program))]
    while ahead:
        name = ahead.pop()
        path = "" if name in found else _library(name)
        if path:
            found[name] = path
            ahead += _needed(path)
    return found


def _needed(path: str) -> tuple[str, ...]:
    try:
        with open(path, "rb") as file:
            linked = read_elf(file)
    except OSError:
        return ()
    return linked.needed if linked else ()


def _library(name: str) -> str:
    if "/" in name:  # a path that was written into a program where it was made
        return ""
    places = (f"{folder.format(platform.machine())}/{name}" for folder in _FOLDERS)
    return next((place for place in places if os.path.isfile(place)), "")


def _locale() -> Iterator[str]:
    for folder, _, files in os.walk(_LOCALE):
        yield from (f"{folder}/{name}" for name in files)


def _items(path: str) -> Iterator[Item]:
    """A file with all links on the way to it, as they are on this machine."""
    ahead, done = [part for part in path.split("/") if part], ""
    links = 0
    while ahead:
        part = ahead.pop(0)
        if part == "..":
            done = posixpath.dirname(done)
            continue
        here = f"{done}/{part}"
        if os.path.islink(here) and links < _LONGEST:
            links += 1
            target = os.readlink(here)
            yield Item(here[1:], LINK, 0o777, target)
            done = "" if target.startswith("/") else done
            ahead = [step for step in target.split("/") if step not in ("", ".")] + ahead
        else:
            done = here
    if os.path.isfile(done):
        yield Item(done[1:], FILE, 0o755 if os.access(done, os.X_OK) else 0o644, content=lambda: _read(Path(done)))


@contextmanager
def _read(path: Path) -> Iterator[Stated]:
    with path.open("rb") as file:
        yield Stated(os.fstat(file.fileno()).st_size, file)


@contextmanager
def _given(content: bytes) -> Iterator[Stated]:
    yield Stated(len(content), Pieces(iter([content])))


def _stated() -> dict[str, Item]:
    def content(text: bytes) -> AbstractContextManager[Stated]:
        return _given(text)

    found = {
        name: Item(name, FILE, 0o644, content=lambda text=text: content(text))  # type: ignore[misc]
        for name, text in _STATED.items()
    }
    found |= {name: Item(name, FOLDER, 0o755) for name in ("etc", "home", "opt", "root", "usr", "var")}
    return found | {name: Item(name, FOLDER, 0o1777) for name in ("tmp", "var/tmp")}

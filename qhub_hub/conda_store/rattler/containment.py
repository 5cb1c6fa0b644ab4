"""Packages that would write outside the environment are refused: py-rattler 0.28 follows `..` and links."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhub_hub.conda_store.rattler.explicit import Refused

_SAYING = ("info", "info/index.json", "info/paths.json", "info/files", "info/link.json")
# QHub and py-rattler write there, by names that a package can know.
_OURS = ("conda-meta", "__clobbers__", "CACHEDIR.TAG")
_COMPILED = re.compile(r"lib|lib/python3\.[^/]*|(.*/)?__pycache__")  # bytecode is written through these
_MOST_LINKS = 40  # on the way to a file, as the kernel has it
_NO_PYTHON = "lib/python/site-packages"  # for packages that py-rattler does not install without one


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a package says that it brings.

    Args:
        package: its name, version and build.
        noarch: whether it is made for every Python.
        site: where such packages' modules go, if it is Python itself; else empty.
        paths: aim of the link by path; None: it is a file.
        commands: programs that are written for its entry points.
    """

    package: str
    noarch: bool
    site: str
    paths: Mapping[str, str | None]
    commands: tuple[str, ...]

    def placed(self, path: str, site: str) -> str:
        """Where a path of it lands.

        Raises:
            Refused: it is one of those that move, and the package is not one whose paths do.
        """
        top, _, rest = path.partition("/")
        if top not in ("site-packages", "python-scripts"):
            return path
        if not self.noarch or not rest:
            raise Refused(f"{self.package} wants to write to {path!r:.200}, as only packages for every Python may.")
        return f"{site if top == 'site-packages' else 'bin'}/{rest}"


def check_contained(folders: Iterable[Path]) -> None:
    """Look at all packages of an environment, as one may bring a link and another a file behind it.

    Args:
        folders: unpacked packages; each is looked at before the next is asked for.

    Raises:
        Refused: a file of theirs would land elsewhere, or they do not say which files they have.
    """
    found = [_contents_of(folder) for folder in folders]
    sites = {one.site for one in found if one.site} or {_NO_PYTHON}
    if len(sites) > 1:
        raise Refused("Two packages say that they are Python.")
    (site,) = sites
    brought = defaultdict[str, list[str]](list)
    links: dict[str, str] = {}
    for one in found:
        for path, aim in one.paths.items():
            name = one.placed(path, site)
            brought[name].append(one.package)
            if aim is not None:
                _add(links, name, aim, one.package)
    known = _settled(links, brought)
    owners = defaultdict[str, list[str]](list)
    for name, packages in brought.items():
        place = _follow(name, known, packages[0])
        # Under the name of a link py-rattler knows what to do: one of the two is put aside.
        if place in known and name not in links:
            raise Refused(f"{packages[0]} wants to write to {name!r:.200}, where there is a link already.")
        if place in known and _COMPILED.fullmatch(place):
            _follow(f"{place}/module.pyc", known, packages[0])
        owners[place] += packages
    for one in found:
        for command in one.commands:
            _require_own(f"bin/{command}", one.package, owners, known)


def _contents_of(folder: Path) -> _Contents:
    if hidden := [name for name in _SAYING if (folder / name).is_symlink()]:
        raise Refused(f"{folder.name} says what it is behind a link: {hidden[0]}.")
    try:
        index = json.loads((folder / "info/index.json").read_text(encoding="utf-8"))
        paths = _paths(folder)
        for path in paths:
            _require_inside(path, folder.name)
        commands = _commands(folder)
        for command in commands:
            if not re.fullmatch(r"[A-Za-z0-9_.+-]+", command) or command in (".", ".."):
                raise Refused(f"{folder.name} wants to make a program that is called {command!r:.100}.")
        site = _site(index) if str(index.get("name")).lower() == "python" else ""
        if site:
            _require_inside(site, folder.name)
        aims = {path: os.readlink(folder / path) if (folder / path).is_symlink() else None for path in paths}
        return _Contents(folder.name, index.get("noarch") == "python", site, aims, tuple(commands))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{folder.name} does not say which files it has.") from None


def _paths(folder: Path) -> list[str]:
    listed = folder / "info/paths.json"
    if not listed.exists():  # packages of before 2017
        return (folder / "info/files").read_text(encoding="utf-8").splitlines()
    return [str(entry["_path"]) for entry in json.loads(listed.read_text(encoding="utf-8"))["paths"]]


def _commands(folder: Path) -> list[str]:
    """Names of the programs that are written for a package's entry points (`name = module:function`)."""
    link = folder / "info/link.json"
    if not link.exists():
        return []
    content: Mapping[str, Any] = json.loads(link.read_text(encoding="utf-8"))
    entries = (content.get("noarch") or {}).get("entry_points") or []
    return [str(entry).partition("=")[0].strip() for entry in entries]


def _site(python: Mapping[str, Any]) -> str:
    """Where a Python has its packages, by its `info/index.json`."""
    if stated := python.get("python_site_packages_path"):
        return str(stated)
    major, minor = str(python["version"]).split(".")[:2]
    return f"lib/python{int(major)}.{int(minor)}/site-packages"


def _require_inside(path: str, package: str) -> None:
    if path.startswith("/") or not path or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise Refused(f"{package} wants to write to {path!r:.200}, which is outside the environment.")


def _require_own(name: str, package: str, owners: Mapping[str, list[str]], links: Mapping[str, str]) -> None:
    # py-rattler writes into what lies there: into the aim of a link, and into a file that is shared, as packages are,
    # with all environments that have it.
    place = _follow(name, links, package)
    if place in links or set(owners.get(place, ())) - {package}:
        raise Refused(f"{package} wants to make the program {name!r:.200}, which another package has.")


def _add(links: dict[str, str], name: str, aim: str, package: str) -> None:
    if name.partition("/")[0] in _OURS:
        raise Refused(f"{package} brings the link {name!r:.200}, where only QHub and py-rattler write.")
    if links.setdefault(name, aim) != aim:
        raise Refused(f"{package} brings the link {name!r:.200}, which leads elsewhere in another package.")


def _settled(links: Mapping[str, str], packages: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Links by their names, and by where they lie if that is behind other links: whichever is made first."""
    known = dict(links)
    for _ in range(_MOST_LINKS):
        before = len(known)
        for name, aim in links.items():
            _add(known, _follow(name, known, packages[name][0]), aim, packages[name][0])
        if len(known) == before:
            return known
    raise Refused("The packages bring links behind links, too many to follow.")


def _follow(name: str, links: Mapping[str, str], package: str) -> str:
    """Go the way to a file as the kernel would, with the links of all packages in place; returns where it is."""
    left, done, followed = name.split("/"), list[str](), 0
    while left:
        part = left.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                raise Refused(f"{package} wants to write to {name!r:.200}, behind a link that leads outside.")
            done.pop()
            continue
        done.append(part)
        aim = links.get("/".join(done))
        if aim is not None and left:
            followed += 1
            if aim.startswith("/") or followed > _MOST_LINKS:
                raise Refused(f"{package} wants to write to {name!r:.200}, behind a link that leads outside.")
            done.pop()
            left[:0] = aim.split("/")
    return "/".join(done)

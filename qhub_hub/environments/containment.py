"""Packages that would write outside the environment are refused: py-rattler 0.28 follows `..` and links."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COPIED = ("info/has_prefix", "info/no_link")  # in packages of before 2017: files that are copied, not linked
_SAYING = ("info", "info/index.json", "info/paths.json", "info/files", "info/link.json", *_COPIED)
# QHub and py-rattler write there, by names that a package can know.
_OURS = ("conda-meta", "__clobbers__", "CACHEDIR.TAG")
_COMPILED = re.compile(r"lib|lib/python3\.[^/]*|(.*/)?__pycache__")  # bytecode is written through these
_OBEYED = re.compile(r"(bin/)?pyvenv\.cfg|lib/python3[^/]*\.zip")  # before all that Python itself brings
_MOST_LINKS = 40  # on the way to a file, as the kernel has it
_NO_PYTHON = "lib/python/site-packages"  # for packages that py-rattler does not install without one


class Refused(Exception):
    """Something that is not installed. `str()` is a sentence."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A package that is about to be installed.

    Args:
        folder: what it was unpacked to.
        name: its name, version and build.
        noarch: whether the channel says that it is made for every Python.
        site: where such packages' modules go, if it is Python itself; else empty. As the channel says it, too:
            py-rattler goes by that.
    """

    folder: Path
    name: str
    noarch: bool = False
    site: str = ""

    def __post_init__(self) -> None:
        # Its record is written to a file of this name.
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]*", self.name):
            raise Refused(f"{self.name!r:.200} is no name, version and build of a package.")
        if self.site:
            _require_inside(self.site, self.name)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a package says that it brings.

    Args:
        package: its name, version and build.
        noarch: whether it is made for every Python.
        paths: aim of the link by path; None: it is a file.
        commands: programs that are written for its entry points.
    """

    package: str
    noarch: bool
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


def check_contained(packages: Sequence[Unpacked]) -> frozenset[str]:
    """Look at all packages of an environment, as one may bring a link and another a file behind it.

    Returns:
        Names of those that would change a file of their own: as all environments that have them share it, they must
        be installed from a copy.

    Raises:
        Refused: a file of theirs would land elsewhere, or they do not say which files they have.
    """
    found = [_contents_of(package) for package in packages]
    sites = {package.site for package in packages if package.site} or {_NO_PYTHON}
    if len(sites) > 1:
        raise Refused("Two packages say that they are Python.")
    (site,) = sites
    pythons = {package.name for package in packages if package.site}
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
    for name, having in brought.items():
        place = _follow(name, known, having[0])
        # Under the name of a link py-rattler knows what to do: one of the two is put aside.
        if place in known and name not in links:
            raise Refused(f"{having[0]} wants to write to {name!r:.200}, where there is a link already.")
        if _OBEYED.fullmatch(place) and (others := [one for one in having if one not in pythons]):
            raise Refused(f"{others[0]} wants to write to {name!r:.200}, as only Python itself may.")
        if place in known and _COMPILED.fullmatch(place):
            _follow(f"{place}/module.pyc", known, having[0])
        owners[place] += having
    return frozenset(
        one.package
        for one in found
        # All of them are looked at, whatever the first says.
        if sum([_is_own(f"bin/{command}", one.package, owners, known) for command in one.commands])
    )


def _contents_of(package: Unpacked) -> _Contents:
    folder, name = package.folder, package.name
    if hidden := [said for said in _SAYING if (folder / said).is_symlink()]:
        raise Refused(f"{name} says what it is behind a link: {hidden[0]}.")
    try:
        index = json.loads((folder / "info/index.json").read_text(encoding="utf-8"))
        listed = list(_listed(folder))
        commands = _commands(folder)
        noarch = package.noarch and index.get("noarch") == "python"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused(f"{name} does not say which files it has.") from None
    present = dict(_present(f"{folder}/", ""))
    links = {path: aim for path, aim in present.items() if aim is not None}
    paths: dict[str, str | None] = {}
    for path, is_link, copied in listed:
        _require_inside(path, name)
        if path in paths:
            raise Refused(f"{name} says twice that it has {path!r:.200}.")
        # What lies behind a link to elsewhere is not the package's own, nor is what py-rattler would read through one.
        place = path if path in present else _follow(path, links, name)
        if place not in present or (is_link is not None and is_link != (place in links)):
            raise Refused(f"{name} says that it has {path!r:.200}, which is not in it, or is not what it says.")
        if copied and place in links:
            # py-rattler 0.28 opens it, and what is there may be another group's.
            raise Refused(f"{name} wants a copy of what its link {path!r:.200} leads to.")
        paths[path] = present[place]
    for command in commands:
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+", command) or command in (".", ".."):
            raise Refused(f"{name} wants to make a program that is called {command!r:.100}.")
    return _Contents(name, noarch, paths, tuple(commands))


def _listed(folder: Path) -> Iterator[tuple[str, bool | None, bool]]:
    """Paths of a package, whether it says that each is a link, and whether py-rattler copies what is there."""
    listed = folder / "info/paths.json"
    if listed.exists():
        for entry in json.loads(listed.read_text(encoding="utf-8"))["paths"]:
            copied = entry.get("prefix_placeholder") is not None or bool(entry.get("no_link"))
            yield str(entry["_path"]), entry["path_type"] == "softlink", copied
        return
    # Lines as py-rattler knows them, which end in one of these two ways only.
    text = (folder / "info/files").read_bytes().decode().replace("\r\n", "\n")
    if "\r" in text:
        raise ValueError
    copied = any((folder / name).exists() for name in _COPIED)
    for path in text.removesuffix("\n").split("\n") if text else ():
        yield path, None, copied


def _present(folder: str, below: str) -> Iterator[tuple[str, str | None]]:
    """What is in a package: path, and aim of the link. Nothing behind links, and one look at each folder."""
    with os.scandir(folder + below) as entries:
        for entry in entries:
            path = below + entry.name
            yield path, os.readlink(entry.path) if entry.is_symlink() else None
            if entry.is_dir(follow_symlinks=False):
                yield from _present(folder, f"{path}/")


def _commands(folder: Path) -> list[str]:
    """Names of the programs that are written for a package's entry points (`name = module:function`)."""
    link = folder / "info/link.json"
    if not link.exists():
        return []
    content: Mapping[str, Any] = json.loads(link.read_text(encoding="utf-8"))
    entries = (content.get("noarch") or {}).get("entry_points") or []
    return [str(entry).partition("=")[0].strip() for entry in entries]


def _require_inside(path: str, package: str) -> None:
    if path.startswith("/") or not path or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise Refused(f"{package} wants to write to {path!r:.200}, which is outside the environment.")


def _is_own(name: str, package: str, owners: Mapping[str, list[str]], links: Mapping[str, str]) -> bool:
    """Whether a package has a file where a program is written for it, too. Nobody else may have one there."""
    # py-rattler writes into what lies there: into the aim of a link, and into a file that is shared, as packages are,
    # with all environments that have it.
    place = _follow(name, links, package)
    found = set(owners.get(place, ()))
    if place in links or found - {package}:
        raise Refused(f"{package} wants to make the program {name!r:.200}, which another package has.")
    return bool(found)


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

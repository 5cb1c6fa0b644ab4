"""Packages that would write outside the environment are refused: py-rattler 0.28 follows `..` and links."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qhub_hub.conda_store.rattler.explicit import Refused

_LIBRARY = re.compile(r"lib/python3\.[0-9]+t?/")
_MOST_LINKS = 40  # on the way to a file, as the kernel has it


def check_contained(folders: Iterable[Path]) -> None:
    """Look at all packages of an environment, as one may bring a link and another a file behind it.

    Args:
        folders: unpacked packages.

    Raises:
        Refused: a file of theirs would land elsewhere, or they do not say which files they have.
    """
    names: dict[str, str] = {}
    links: dict[str, str] = {}
    for folder in folders:
        try:
            for path in _paths(folder):
                _require_inside(path, folder.name)
                names[_placed(path)] = folder.name
                if (folder / path).is_symlink():
                    links[_placed(path)] = os.readlink(folder / path)
            for command in _commands(folder):
                if not re.fullmatch(r"[A-Za-z0-9_.+-]+", command) or command in (".", ".."):
                    raise Refused(f"{folder.name} wants to make a program that is called {command!r:.100}.")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise Refused(f"{folder.name} does not say which files it has.") from None
    for name, package in names.items():
        _follow(name, links, package)


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


def _require_inside(path: str, package: str) -> None:
    if path.startswith("/") or not path or "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise Refused(f"{package} wants to write to {path!r:.200}, which is outside the environment.")


def _placed(path: str) -> str:
    """Where it lands, whichever Python there is: packages for all of them name `site-packages` only."""
    if path.startswith("site-packages/"):
        return f"lib/python/{path}"
    if path.startswith("python-scripts/"):
        return f"bin/{path.removeprefix('python-scripts/')}"
    return _LIBRARY.sub("lib/python/", path, count=1) if _LIBRARY.match(path) else path


def _follow(name: str, links: Mapping[str, str], package: str) -> None:
    """Go the way to a file as the kernel would, with the links of all packages in place."""
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
            left[:0] = _LIBRARY.sub("lib/python/", aim).split("/")

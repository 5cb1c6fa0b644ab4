"""Which file goes into which layer: large packages by themselves, small ones together, what no package owns last.

A package that does not change keeps its layer, so whoever has the image before fetches what changed and little else.
"""

import posixpath
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qhub_hub.environments.oci.prefix import FILE, FOLDER, Entry

MOST = 100
"""Layers of one image: container runtimes stop at about 127, and others may want to build on it."""

_GROUPS = 8
_OTHERS = 2  # what no package lists, and a home
_OWN = 60  # packages with a layer of their own, at most
_SMALL = 512 * 1024  # bytes; a layer costs a runtime more time than so little costs to fetch again
_BYTECODE = re.compile(r"(?P<folder>.*/)?__pycache__/(?P<module>[^/]+?)\.[^./]+(\.opt-[12])?\.pyc")


@dataclass(frozen=True, slots=True)
class Package:
    """A package of an environment.

    Args:
        files: paths inside the environment, as its record in `conda-meta` lists them.
    """

    name: str
    version: str
    files: frozenset[str]


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """A layer to be written.

    Args:
        title: what is in it, for people.
        entries: by path, folders without those that only lead to another entry.
    """

    title: str
    entries: tuple[Entry, ...]


def plan_layers(entries: Iterable[Entry], packages: Iterable[Package], base: int = 0) -> tuple[LayerPlan, ...]:
    """Put every entry into exactly one layer, in the same order whatever order they come in.

    Args:
        base: layers below these.

    Returns:
        Layers of single packages by name, then of groups, then what no package lists. None of them is empty.
    """
    owners = _owners(packages)
    found: dict[str, list[Entry]] = {}
    loose: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        owner = owners.get(entry.path) or owners.get(module_of(entry.path))
        # Every layer brings the folders that its files need; those of nobody are listed, as they may be empty.
        (loose if owner is None or entry.kind == FOLDER else found.setdefault(owner.name, [])).append(entry)
    own = _own(found, max(0, min(_OWN, MOST - base - _GROUPS - _OTHERS)))
    versions = {package.name: package.version for package in owners.values()}
    plans = [LayerPlan(f"{name} {versions[name]}", tuple(found[name])) for name in sorted(own)]
    plans += _groups({name: listed for name, listed in found.items() if name not in own})
    if loose:
        plans.append(LayerPlan("what no package lists", tuple(loose)))
    return tuple(plans)


def _owners(packages: Iterable[Package]) -> Mapping[str, Package]:
    """The package of each path. Of two that list the same, the first by name has it, on every day."""
    owners: dict[str, Package] = {}
    for package in sorted(packages, key=lambda package: (package.name, package.version)):
        for path in package.files:
            owners.setdefault(path, package)
    return owners


def module_of(path: str) -> str:
    """The module of which this is the bytecode: whoever built the environment wrote it, so no package lists it."""
    match = _BYTECODE.fullmatch(path)
    return posixpath.join(match["folder"] or "", f"{match['module']}.py") if match else ""


def _own(found: Mapping[str, list[Entry]], most: int) -> frozenset[str]:
    sizes = {name: sum(entry.size for entry in entries if entry.kind == FILE) for name, entries in found.items()}
    large = sorted((name for name, size in sizes.items() if size >= _SMALL), key=lambda name: (-sizes[name], name))
    return frozenset(large[:most])


def _groups(found: Mapping[str, list[Entry]]) -> Iterable[LayerPlan]:
    # By a number that only the name decides: a package that comes, goes or changes touches one group.
    groups: dict[int, list[str]] = {}
    for name in sorted(found):
        groups.setdefault(zlib.crc32(name.encode()) % _GROUPS, []).append(name)
    for number in sorted(groups):
        names = groups[number]
        title = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        entries = (entry for name in names for entry in found[name])
        yield LayerPlan(title, tuple(sorted(entries, key=lambda entry: entry.path)))

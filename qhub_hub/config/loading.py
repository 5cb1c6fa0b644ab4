"""The values files as one checked configuration, or every reason why not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

from qhub_hub.config.checks import check, misfits, warn
from qhub_hub.config.machine import on_machine
from qhub_hub.config.merging import merge, over_defaults
from qhub_hub.config.models import Config
from qhub_hub.config.problems import ConfigError, Path, Position, Problem, parse_path, show_value
from qhub_hub.config.reading import read
from qhub_hub.config.suggestions import did_you_mean, nearest
from qhub_hub.config.tree import Tree, empty_entries, find, plain, where
from qhub_hub.config.validation import Finding, validate
from qhub_hub.installation import packaged

COMPONENTS = ("jupyterhub", "dask-gateway", "conda-store", "ssh", "jitsi", "nfs", "global")
"""Top-level keys besides `qhub`: settings of the parts, handed on as they are."""


@dataclass(frozen=True, slots=True)
class Values:
    """What the values files say.

    Args:
        qhub: the checked `qhub` section.
        jupyterhub: the `jupyterhub` section, as written.
        dask_gateway: the `dask-gateway` section, as written; on a cluster the hub finds the gateway by it.
        warnings: what is allowed but probably not meant.
    """

    qhub: Config
    jupyterhub: Mapping[str, Any]
    dask_gateway: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Problem, ...] = ()
    _tree: Tree = field(default_factory=lambda: Tree({}, Position("", 0)), repr=False, compare=False)

    def source(self, path: str) -> str:
        """Where a value is written: `values.yaml:12`; empty where it is a default of the models.

        Args:
            path: as error messages show it, such as `qhub.profiles.small.memory.limit`.
        """
        keys = parse_path(path)
        return str(where(self._tree, keys)) if find(self._tree, keys) else ""

    def on_machine(self, cpu: float, memory: int) -> "Values":
        """The same on one machine; profiles that do not fit it are warnings, as the file may serve a cluster too.

        Args:
            cpu: cores of the machine.
            memory: bytes of the machine.
        """
        config = on_machine(self.qhub, cpu, memory)
        too_large = _placed(self._tree, misfits(config))
        return replace(self, qhub=config, warnings=(*self.warnings, *too_large))


def load(*paths: str | os.PathLike[str], defaults: bool = True) -> Config:
    """The `qhub` section of the values files; see `load_values`."""
    return load_values(*paths, defaults=defaults).qhub


def load_values(*paths: str | os.PathLike[str], defaults: bool = True, inside: Path = ()) -> Values:
    """The values files, merged as Helm merges them and checked as a whole.

    Args:
        paths: files in the order of Helm's `-f`: later ones win.
        defaults: whether the packaged `helm/values.yaml` lies under them, as the chart's values do.
        inside: where in the files the `qhub` section is, and nothing else is read: `("custom",)` in the values of
            Zero to JupyterHub.

    Raises:
        ConfigError: with every problem of every file.
    """
    trees = [_part(tree, inside) for tree in _read_all(paths)]
    tree = reduce(merge, trees) if trees else Tree({}, Position("", 0))
    if defaults:
        tree = over_defaults(read(packaged("helm/values.yaml")), tree)
    problems = list(_top_level(tree))
    section = tree.children().get("qhub", Tree({}, tree.position))
    if not isinstance(section.value, dict | None):
        raise ConfigError(problems)
    config, findings = validate(plain(section, nulls=False) or {})
    if config is not None:
        broken = {finding.path for finding in findings}
        findings.extend(finding for finding in check(config) if not _follows_from(finding.path, broken))
    problems.extend(_placed(tree, findings))
    if problems or config is None:
        raise ConfigError(_in_order(problems, paths))
    return Values(
        qhub=config,
        jupyterhub=_as_written(tree, "jupyterhub"),
        dask_gateway=_as_written(tree, "dask-gateway"),
        warnings=(*_placed(tree, warn(config)), *_empty(tree, trees)),
        _tree=tree,
    )


def _as_written(tree: Tree, key: str) -> Mapping[str, Any]:
    found = tree.children().get(key)
    return MappingProxyType((found and plain(found)) or {})


def _part(tree: Tree, inside: Path) -> Tree:
    if not inside:
        return tree
    outer = find(tree, inside)
    found = outer.children().get("qhub") if outer else None
    if not outer or not found:
        return Tree({}, tree.position)
    return Tree({"qhub": found}, outer.position, {"qhub": outer.keys["qhub"]})


def _read_all(paths: Iterable[str | os.PathLike[str]]) -> list[Tree]:
    trees: list[Tree] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            trees.append(read(path))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return trees


def _top_level(tree: Tree) -> Iterator[Problem]:
    allowed = ("qhub", *COMPONENTS)
    for key, child in tree.children().items():
        path: Path = (key,)
        if key not in allowed:
            # Forgetting to indent below `qhub` is the likeliest mistake.
            meant = nearest(key, [field.alias or name for name, field in Config.model_fields.items()])
            hint = f"did you mean qhub.{meant}?" if meant else did_you_mean(key, allowed, "keys")
            yield Problem(where(tree, path, key=True), path, f"unknown key; {hint}")
        elif not isinstance(child.value, dict | None):
            yield Problem(where(tree, path), path, f"found {show_value(plain(child), path)}; allowed is a map")


def _placed(tree: Tree, findings: Iterable[Finding]) -> Iterator[Problem]:
    for finding in findings:
        path = ("qhub", *finding.path)
        yield Problem(where(tree, path, key=finding.at_key), path, finding.message)


def _follows_from(path: Path, broken: set[Path]) -> bool:
    return any(path[:length] in broken for length in range(1, len(path) + 1))


def _in_order(problems: Iterable[Problem], paths: Iterable[str | os.PathLike[str]]) -> list[Problem]:
    order = {os.fspath(path): number for number, path in enumerate(paths)}
    return sorted(problems, key=lambda problem: (order.get(problem.position.file, -1), problem.position.line))


def _empty(tree: Tree, files: Iterable[Tree]) -> Iterator[Problem]:
    """Entries such as `ann:` with nothing behind it: to Helm that deletes, where people mean "nothing special"."""
    named = {name for name, field in Config.model_fields.items() if field.default_factory is not None}
    maps = {Config.model_fields[name].alias or name for name in named}
    for path in empty_entries(tree.children().get("qhub", tree)):
        deletes = any(found and found.value is not None for found in (find(file, ("qhub", *path)) for file in files))
        if len(path) == 2 and path[0] in maps and not deletes:
            full = ("qhub", *path)
            yield Problem(where(tree, full, key=True), full, "is empty and so left out; write {} to keep it")

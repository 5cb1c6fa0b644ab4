"""A YAML document as values that know where they come from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qhub_hub.config.problems import Path, Position
from qhub_hub.config.scalars import Scalar


@dataclass(slots=True)
class Tree:
    """A value and its place. Trees are shared (by YAML aliases and by merging) and never changed once built.

    Args:
        value: a scalar, a map or a list.
        position: where it begins.
        keys: of a map: where each key stands.
    """

    value: "Scalar | dict[str, Tree] | list[Tree]"
    position: Position
    keys: dict[str, Position] = field(default_factory=dict)

    def children(self) -> "dict[str, Tree]":
        """The entries of a map; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}


def plain(tree: Tree, *, nulls: bool = True) -> Any:
    """The bare Python value.

    Args:
        nulls: whether map entries without a value stay; in the `qhub` section such an entry means "left out".
    """
    value = tree.value
    if isinstance(value, dict):
        return {key: plain(child, nulls=nulls) for key, child in value.items() if nulls or child.value is not None}
    if isinstance(value, list):
        return [plain(child, nulls=nulls) for child in value]
    return value


def find(tree: Tree, path: Path) -> Tree | None:
    """What stands at a path, or None."""
    here: Tree | None = tree
    for part in path:
        value = here.value if here else None
        if isinstance(value, dict) and isinstance(part, str):
            here = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            here = value[part]
        else:
            return None
    return here


def where(tree: Tree, path: Path, *, key: bool = False) -> Position:
    """Where an admin should look for a path: the value itself, else the nearest thing around it that is written.

    Args:
        key: point at the key instead of the value.
    """
    here, found = tree, tree.position
    for number, part in enumerate(path, 1):
        value = here.value
        if isinstance(value, dict) and isinstance(part, str) and part in value:
            # A map's own position is the line below its key: people look for the key.
            at_key = isinstance(value[part].value, dict | list) or (key and number == len(path))
            found = here.keys[part] if at_key else value[part].position
            here = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            here = value[part]
            found = here.position
        else:
            break
    return found


def empty_entries(tree: Tree, path: Path = ()) -> Iterator[Path]:
    """Paths of map entries without a value."""
    value = tree.value
    if isinstance(value, dict):
        for key, child in value.items():
            if child.value is None:
                yield (*path, key)
            else:
                yield from empty_entries(child, (*path, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from empty_entries(child, (*path, number))

"""Values from outside (manifests, kernel.json, what a build says): taken only if of the right kind and size."""

from collections.abc import Mapping
from typing import Any, TypeVar

_MOST, _LONGEST = 20_000, 4096  # items of one list or map; characters of one text
T = TypeVar("T")


class OutOfBounds(ValueError):
    """`args[0]` says what is wrong with a value."""


def items(value: Any) -> list[Any]:
    """A list."""
    return typed(value, list)


def mapping(value: Any) -> dict[str, Any]:
    """A map."""
    return typed(value, dict)


def typed(value: Any, kind: type[T]) -> T:
    """A value of this kind, unchanged.

    Raises:
        OutOfBounds: it is of another kind, or a list or map with too much in it.
    """
    if not isinstance(value, kind) or isinstance(value, bool):
        raise OutOfBounds(f"{str(value)[:80]!r} stands where a {kind.__name__} must be")
    if isinstance(value, list | dict) and len(value) > _MOST:
        raise OutOfBounds(f"a list has {len(value)} items; at most {_MOST} are read")
    return value


def texts(value: Any) -> dict[str, str]:
    """A map of texts."""
    # As a whole, in C: a thousand environments have some hundred thousand versions.
    found = [*mapping(value), *value.values()]
    if set(map(type, found)) - {str}:
        raise OutOfBounds(f"{str(value)[:80]!r} stands where a map of texts must be")
    if max(map(len, found), default=0) > _LONGEST or "\0" in "".join(found):
        raise OutOfBounds("a map with a text that is too long, or with a NUL in it")
    same: dict[str, str] = value
    return same


def text(fields: Mapping[str, Any], key: str) -> str:
    """The text of a key; empty where it is not there."""
    return bounded(fields.get(key, ""))


def bounded(value: Any) -> str:
    """A text of bounded length, without NUL."""
    found = typed(value, str)
    if len(found) > _LONGEST or "\0" in found:
        raise OutOfBounds(f"a text of {len(found)} characters, or with a NUL in it")
    return found

"""What is wrong with a values file: one problem per mistake, each with its place, all reported at once."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file: `("qhub", "users", "ann", "groups", 0)`."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([0-9]+)\]|([^."\[\]]+)')
_SECRET = re.compile(r"password|passwd|passphrase|secret|token|credential|key", re.IGNORECASE)
_LONGEST_VALUE = 60  # characters of a value that an error repeats


class Position(NamedTuple):
    """A line of a file; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Args:
        position: where it is.
        path: the key, from the top of the file; empty: the file itself.
        message: what is wrong, what was found and what is allowed, in words for the admin. Never holds a secret.
    """

    position: Position
    path: Path
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.position), show_path(self.path), self.message)))


class ConfigError(Exception):
    """The values files cannot be used; `problems` holds every reason, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def show_path(path: Path) -> str:
    """A path as people write it: `qhub.users."ann.lee".groups[0]`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            shown += f".{name}" if shown else name
    return shown


def parse_path(shown: str) -> Path:
    """The inverse of `show_path`."""
    path: list[str | int] = []
    for match in _PART.finditer(shown):
        quoted, position, bare = match.groups()
        if position is not None:
            path.append(int(position))
        else:
            path.append(json.loads(match.group()) if quoted is not None else bare)
    return tuple(path)


def is_secret(path: Path) -> bool:
    """Whether a value below this path may be a secret, judged by the names of its keys."""
    return any(isinstance(part, str) and _SECRET.search(part) for part in path)


def show_value(value: object, path: Path) -> str:
    """A value for an error message: shortened, and not at all where it may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if is_secret(path):
        return "a value that is not shown here"
    written = json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= _LONGEST_VALUE else f"{written[:_LONGEST_VALUE]}…"

"""Paths of packages."""

import os

_ENDINGS = (".tar.bz2", ".conda")


def expand(path: str) -> str:
    """The whole path."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))


def strip_pkg_extension(path: str) -> tuple[str, str | None]:
    """A path without the ending of packages, and that."""
    for ending in _ENDINGS:
        if path.endswith(ending):
            return path.removesuffix(ending), ending
    return path, None

import os

_ENDINGS = (".tar.bz2", ".conda")


def expand(path: str) -> str:
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))


def strip_pkg_extension(path: str) -> tuple[str, str | None]:
    for ending in _ENDINGS:
        if path.endswith(ending):
            return path.removesuffix(ending), ending
    return path, None

"""Files that are there or not."""

from pathlib import Path


def touch(path: Path, mkdir: bool = False, sudo_safe: bool = False) -> None:
    """Have a file there.

    Args:
        mkdir: whether its folder is made, too.
        sudo_safe: what conda does for people's own folders; here there are none.
    """
    if mkdir:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()

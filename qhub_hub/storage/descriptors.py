"""Walking the share by file descriptor, so that a planted symbolic link is met and never followed.

Every step opens one name below an open folder with `O_NOFOLLOW`. Nobody can swap a folder for a link between
the check and the use: what was checked is what is held open.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from qhub_hub.storage.errors import UnsafePath, kind_of, told_as_sentence

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_child(parent: int | None, name: str, path: str) -> int:
    """A descriptor of the folder `name` directly below `parent`.

    Args:
        parent: an open folder; None: `name` is the absolute path of the share's root.
        path: how messages call it.

    Raises:
        UnsafePath: a symbolic link or no folder.
        OSError: everything else, absence included.
    """
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except OSError as error:
        # Linux answers ENOTDIR for a link when both O_DIRECTORY and O_NOFOLLOW are given; others answer
        # ELOOP.
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        found = kind_of(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        raise UnsafePath(
            f"{path} is {found}, not a folder. QHub does not follow it; an admin should look at where it "
            "came from and remove it."
        ) from error


@contextmanager
def opened(root: int, parts: tuple[str, ...], base: str) -> Iterator[int]:
    """A descriptor of the folder at `parts` below `root`, closed at the end.

    Args:
        base: the root's path, for messages.

    Raises:
        UnsafePath: a symbolic link or something else on the way.
        StorageError: it does not exist or can't be opened.
    """
    fd = os.dup(root)
    try:
        path = base
        for part in parts:
            path = f"{path}/{part}"
            with told_as_sentence("open the folder", path):
                child = open_child(fd, part, path)
            os.close(fd)
            fd = child
        yield fd
    finally:
        os.close(fd)

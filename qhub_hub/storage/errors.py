"""What can go wrong on the share. `str()` of each is a sentence for an admin, with what to do."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager

_SENTENCES = {
    errno.ENOSPC: "the file system is full; free some space or enlarge it",
    errno.EDQUOT: "the disk quota is used up; raise it or free some space",
    errno.EROFS: "the file system is mounted read-only; mount it read-write",
    errno.EACCES: "permission denied; an NFS export must not squash root for the address QHub writes from",
    errno.EPERM: "permission denied; an NFS export must not squash root for the address QHub writes from",
    errno.ENOENT: "it does not exist",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ESTALE: "the file server has lost track of it (stale handle); mount the share again",
    errno.EIO: "the disk or file server reports an input/output error",
    errno.EMLINK: "the parent folder holds as many folders as this file system allows",
    errno.ELOOP: "a symbolic link stands there, which QHub does not follow; remove it",
    errno.ENOTEMPTY: "a folder of that name exists already and holds files",
    errno.EEXIST: "something of that name exists already",
}


class StorageError(Exception):
    """The share could not be read or written."""


class UnsafePath(StorageError):
    """A symbolic link, a file or a device stands where a folder should be, and could lead elsewhere."""


class OwnerMismatch(StorageError):
    """A folder belongs to somebody else; it is left as it is.

    Args:
        path: the folder, relative to the share's root or absolute where the root is known.
        found: numeric user and group that own it.
        expected: numeric user and group that should.
    """

    def __init__(self, path: str, found: tuple[int, int], expected: tuple[int, int]) -> None:
        super().__init__(
            f"{path} belongs to user {found[0]} and group {found[1]}, but should belong to user "
            f"{expected[0]} and group {expected[1]}. QHub never takes a folder over. If the files in it are "
            "meant for the new owner, change them as root (chown -R --no-dereference "
            f"{expected[0]}:{expected[1]} {path}); otherwise move the folder away and QHub makes a new one."
        )
        self.path, self.found, self.expected = path, found, expected


@contextmanager
def told_as_sentence(doing: str, path: str) -> Iterator[None]:
    """Turn an OSError of the body into a `StorageError` that says what was tried, where and what to do.

    Args:
        doing: a verb phrase that completes "Could not …" ("make the folder").
        path: what it was done to.
    """
    try:
        yield
    except OSError as error:
        why = _SENTENCES.get(error.errno or 0, f"the system answers {errno.errorcode.get(error.errno or 0, '?')}")
        raise StorageError(f"Could not {doing} {path}: {why}.") from error


def kind_of(mode: int) -> str:
    """What a `st_mode` is, as people call it."""
    for test, name in (
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISREG, "a file"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISFIFO, "a named pipe"),
    ):
        if test(mode):
            return name
    return "a device"

"""Whose share this is: the mark that keeps two installations from giving the same number to different people.

Numeric ids on the share mean people only together with one identity database. The mark holds that database's
realm and the highest ids it ever gave out: a hub with another database, or with an old backup of the right
one, can see it.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from qhub_hub.identity import HighWater, RealmMismatch
from qhub_hub.storage.errors import StorageError, UnsafePath, told_as_sentence
from qhub_hub.storage.layout import MARKS, PRIVATE
from qhub_hub.storage.provisioner import Provisioner

_NAME = "realm.json"
_NEW = "realm.json.new"
_LOCK = "realm.lock"
_LARGEST = 65_536  # bytes; ours has about 80


def read_realm(share: Provisioner) -> HighWater | None:
    """The share's mark, or None on a new share.

    Raises:
        StorageError: it can't be read, or is not what QHub wrote.
    """
    try:
        with share.folder(PRIVATE) as marks:
            return _read(marks, _path(share))
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def claim_realm(share: Provisioner, realm: HighWater) -> HighWater:
    """Write the mark, or raise its ids to these; safe between processes.

    Returns:
        The mark as it now is. Ids above those passed in mean that the identity database is older than the
        share.

    Raises:
        RealmMismatch: the share belongs to another realm. Nothing was changed.
        StorageError: it can't be read or written.
    """
    share.ensure([MARKS])
    path = _path(share)
    with share.folder(PRIVATE) as marks, told_as_sentence("write", path), _locked(marks):
        found = _read(marks, path) or realm
        if found.realm != realm.realm:
            raise RealmMismatch(
                f"The files below {share.root} belong to the installation {found.realm!r}, this one is "
                f"{realm.realm!r}. Their numeric ids mean different people, so QHub refuses to write there. Use "
                "another folder or volume, or the identity database of the other installation with the same "
                "identity.realm. If that database is lost, run `qhub ids rebuild`."
            )
        mark = HighWater(
            realm.realm,
            max(found.last_user_id, realm.last_user_id),
            max(found.last_group_id, realm.last_group_id),
        )
        _write(marks, mark)
    return mark


def _path(share: Provisioner) -> str:
    return str(share.root / PRIVATE / _NAME)


@contextmanager
def _locked(marks: int) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(_LOCK, flags, 0o600, dir_fd=marks)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(marks: int, path: str) -> HighWater | None:
    with told_as_sentence("read", path):
        try:
            # O_NONBLOCK: a named pipe put there must not hold the hub up.
            fd = os.open(_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=marks)
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UnsafePath(f"{path} is not a file. Remove it if you know where it came from.")
            text = file.read(_LARGEST)
    try:
        mark = HighWater(**json.loads(text))
        if [type(value) for value in asdict(mark).values()] != [str, int, int]:
            raise TypeError("a value of another type")
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"{path} is not what QHub wrote there. It says whose numeric ids the files carry, so QHub does "
            "not guess: restore it from a backup, or remove it if this share was never used by another "
            "installation."
        ) from error
    return mark


def _write(marks: int, mark: HighWater) -> None:
    """Replace the mark in one step: a crash leaves the old one or the new one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(_NEW, flags, 0o600, dir_fd=marks), "w") as file:
        json.dump(asdict(mark), file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(_NEW, _NAME, src_dir_fd=marks, dst_dir_fd=marks)
    os.fsync(marks)

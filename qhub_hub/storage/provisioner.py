"""The only writer with root's rights: makes folders, gives them their owner, and never does more than that.

It never recurses, never deletes, never follows a link and never takes over what belongs to somebody else. A
folder that was made half (a crash between two steps) is closed to everybody until the next run completes it.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from qhub_hub.storage.descriptors import open_child, opened
from qhub_hub.storage.errors import OwnerMismatch, StorageError, told_as_sentence
from qhub_hub.storage.layout import Directory, check_part

Outcome = Literal["created", "fixed", "kept"]


class Provisioner:
    """Writes the tree of one share. Several processes may do so at once.

    Args:
        root: the share's root; must exist.
        own_ids: True as root: folders get their planned owners. False as a normal user: everything belongs to
            whoever runs this, only modes are set.

    Raises:
        UnsafePath: the root is a symbolic link or not a folder.
        StorageError: it does not exist or can't be opened.
    """

    def __init__(self, root: Path, *, own_ids: bool) -> None:
        self.root = root.absolute()
        self.own_ids = own_ids
        with told_as_sentence("open the share's root", str(root)):
            self._fd = open_child(None, str(self.root), str(self.root))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the share; the object is of no use afterwards."""
        os.close(self._fd)

    @contextmanager
    def folder(self, *parts: str) -> Iterator[int]:
        """A descriptor of an existing folder of the share, reached without following a link.

        Raises:
            UnsafePath, StorageError: as the way there demands.
        """
        with opened(self._fd, tuple(map(check_part, parts)), str(self.root)) as fd:
            yield fd

    def ensure(self, directories: Iterable[Directory]) -> list[Outcome]:
        """Make each folder exist with its owner and mode; parents come first.

        Returns:
            For each: `created`, `fixed` (owner or mode was completed) or `kept`.

        Raises:
            UnsafePath: a link or a file stands in the way. Nothing was changed through it.
            OwnerMismatch: a folder belongs to somebody else. It was not changed.
            StorageError: full, read-only, no permission, and so on.
        """
        return [self._ensure(directory) for directory in directories]

    def _ensure(self, directory: Directory) -> Outcome:
        path = self._path(directory.parts)
        if not directory.parts:
            with told_as_sentence("set the owner and mode of", path):
                return self._settle(self._fd, directory)
        *parents, name = directory.parts
        with self.folder(*parents) as parent:
            created = False
            with told_as_sentence("make the folder", path):
                try:
                    # Closed to everybody but root until it has its owner.
                    os.mkdir(name, 0o700, dir_fd=parent)
                    created = True
                except FileExistsError:
                    pass  # from before, or another provisioner was faster: both complete it to the same end
                fd = open_child(parent, name, path)
            try:
                with told_as_sentence("set the owner and mode of", path):
                    outcome = self._settle(fd, directory)
            finally:
                os.close(fd)
        return "created" if created else outcome

    def _settle(self, fd: int, directory: Directory) -> Outcome:
        """Owner, then mode: changing an owner may clear setgid."""
        status = os.fstat(fd)
        self._check_owner(status, directory)
        owned = (status.st_uid, status.st_gid) == self._owner(directory)
        if owned and stat.S_IMODE(status.st_mode) == directory.mode:
            return "kept"
        if not owned:
            os.fchown(fd, *self._owner(directory))
        os.fchmod(fd, directory.mode)
        found = stat.S_IMODE(os.fstat(fd).st_mode)
        if found != directory.mode:
            # Linux drops setgid without a word where CAP_FSETID is missing; new files would belong to no group.
            raise StorageError(
                f"{self._path(directory.parts)} has the mode {found:o} although {directory.mode:o} was set. The file "
                "system must keep permission bits, and in a container this process needs the capability FSETID."
            )
        return "fixed"

    def _owner(self, directory: Directory) -> tuple[int, int]:
        return (directory.uid, directory.gid) if self.own_ids else (os.geteuid(), os.getegid())

    def _check_owner(self, status: os.stat_result, directory: Directory) -> None:
        """Refuse what is neither the planned owner's nor unfinished work of root.

        A root-owned folder with a foreign group is a group's: handing it on would show its files to another
        group. Taking it back to root's own group shows them to nobody, so that is fine.
        """
        uid, gid = self._owner(directory)
        theirs = status.st_uid == uid and (uid != 0 or not self.own_ids)
        roots = self.own_ids and status.st_uid == 0 and (0 in (status.st_gid, gid) or status.st_gid == gid)
        if not (theirs or roots):
            raise OwnerMismatch(self._path(directory.parts), (status.st_uid, status.st_gid), (uid, gid))

    def _path(self, parts: tuple[str, ...]) -> str:
        return str(self.root.joinpath(*parts))

"""The files of a build, read so that no link leads out of it, and held so that nobody removes them meanwhile."""

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.environments.oci.reference import ImageError

FILE, LINK, FOLDER = "file", "link", "folder"
_INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in an environment.

    Args:
        path: inside the environment, parted by `/`.
        kind: `file`, `link` or `folder`.
        size: bytes of a file.
        executable: whether its owner may run it.
        target: where a link leads.
    """

    path: str
    kind: str
    size: int = 0
    executable: bool = False
    target: str = ""


class Prefix:
    """An environment on disk.

    Packages ran programs while it was built, and root may read it: so every step into a folder refuses links. What
    else a path says, somebody who is no administrator may have chosen.

    Args:
        folder: absolute path, without links.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> Iterator[Entry]:
        """Everything in it, in no order.

        Raises:
            ImageError: it holds something that is neither file, link nor folder.
            OSError: it can't be read, or is being removed.
        """
        root = os.open(self.folder, _INTO)
        try:
            for folder, folders, files, handle in os.fwalk(".", dir_fd=root, onerror=_raise):
                for name in (*folders, *files):
                    yield self._entry(os.path.normpath(f"{folder}/{name}"), name, handle)
        finally:
            os.close(root)

    def _entry(self, path: str, name: str, folder: int) -> Entry:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(state.st_mode):
            return Entry(path, FOLDER)
        if stat.S_ISLNK(state.st_mode):
            return Entry(path, LINK, target=os.readlink(name, dir_fd=folder))
        if stat.S_ISREG(state.st_mode):
            return Entry(path, FILE, state.st_size, bool(state.st_mode & stat.S_IXUSR))
        raise ImageError(f"{self.folder}/{path} is neither file, link nor folder: no package brings such a thing.")

    def open(self, path: str) -> int:
        """A descriptor of a file in it.

        Raises:
            OSError: there is none any more, or a link stands in the way.
        """
        *folders, name = path.split("/")
        handle = os.open(self.folder, _INTO)
        try:
            for folder in folders:
                below = os.open(folder, _INTO, dir_fd=handle)
                os.close(handle)
                handle = below
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
        finally:
            os.close(handle)

    def read(self, path: str, most: int) -> bytes:
        """What stands in a small file.

        Args:
            most: bytes; a larger one is refused.

        Raises:
            OSError: it can't be read.
            ImageError: it is larger.
        """
        with open(self.open(path), "rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ImageError(f"{self.folder}/{path} is larger than {most >> 20} MiB, which no such file is.")
        return content

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the build from being removed: to whoever looks what is in use, a program seems to run from it.

        A part of it in memory is such a trace (`garbage.in_use`), and one that ends with this process, however it ends.
        """
        for path in sorted(entry.path for entry in self.entries() if entry.kind == FILE and entry.size):
            with (
                open(self.open(path), "rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ),
            ):
                yield
            return
        raise ImageError(f"{self.folder} holds no file that is not empty.")


def _raise(error: OSError) -> None:
    raise error

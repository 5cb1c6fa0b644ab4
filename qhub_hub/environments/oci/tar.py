"""One layer as a file: the same bytes for the same files on every day, and never more than a part of it in memory."""

import gzip
import hashlib
import os
import posixpath
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qhub_hub.environments.oci.prefix import FILE, FOLDER, LINK

_TYPES = {FILE: tarfile.REGTYPE, LINK: tarfile.SYMTYPE, FOLDER: tarfile.DIRTYPE}
_LEVEL = 6  # of gzip; 9 takes twice the time for a hundredth less
_AT_ONCE = 2**20  # bytes


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """That many, fewer at the end only."""


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """All of them."""

    def flush(self) -> object:
        """What was held back, too."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A file's content.

    Args:
        size: bytes that `file` gives.
    """

    size: int
    file: Readable


@dataclass(frozen=True, slots=True)
class Item:
    """Something in a layer.

    Args:
        name: path in the image, without `/` at its start.
        kind: `file`, `link` or `folder`.
        mode: who may do what, as `chmod` has it. Everything belongs to root.
        target: where a link leads.
        content: opens a file's content; None: the file is left out.
    """

    name: str
    kind: str
    mode: int
    target: str = ""
    content: Callable[[], AbstractContextManager[Stated | None]] | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer that was written.

    Args:
        digest: `sha256:…` of the file.
        size: its bytes.
        diff_id: `sha256:…` of what it unpacks to.
        media_type: what the image specification calls its kind.
        title: what is in it, for people.
    """

    digest: str
    size: int
    diff_id: str
    media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip"
    title: str = ""


class Pieces:
    """Pieces of bytes, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """As many bytes as are asked for, fewer at the end only."""
        parts = [self._left]
        have = len(self._left)
        while size < 0 or have < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        end = len(whole) if size < 0 else size
        self._left = whole[end:]
        return whole[:end]


class Hashing:
    """Passes on what is written, and knows its digest and size.

    Args:
        go_on: is called before each piece, and raises to end it.
    """

    def __init__(self, file: Writable, go_on: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._go_on = go_on
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Pass it on."""
        self._go_on()
        self._hash.update(data)
        self.size += len(data)
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    @property
    def digest(self) -> str:
        """`sha256:…` of all that was written."""
        return f"sha256:{self._hash.hexdigest()}"


Work = Callable[[Path, Callable[[], None]], Blob]
"""Writes one layer into a folder; calls the function now and then, which raises when it shall end."""


def write_layer(folder: Path, title: str, items: Iterable[Item], go_on: Callable[[], None]) -> Blob:
    """Write a layer into a folder, under its digest.

    Args:
        items: sorted by name; the folders that lead to them are added.
        go_on: is called now and then, and raises to end it.

    Raises:
        OSError: something can't be read or written.
    """

    def fill(plain: Writable) -> None:
        known: set[str] = set()
        # A stream is only written to.
        with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_AT_ONCE) as tar:  # type: ignore
            for item in items:
                for above in _above(item.name):
                    if above not in known:
                        known.add(above)
                        _add(tar, Item(above, FOLDER, 0o755))
                known.add(item.name)
                _add(tar, item)

    return packed(folder, title, fill, go_on)


def packed(folder: Path, title: str, fill: Callable[[Writable], None], go_on: Callable[[], None]) -> Blob:
    """What `fill` writes, as a compressed layer in a folder, under its digest.

    Raises:
        OSError: something can't be read or written.
    """
    handle, draft = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb", _AT_ONCE) as file:
        os.fchmod(handle, 0o644)
        outer = Hashing(file)
        # No name and no time: they would be another digest tomorrow.
        with gzip.GzipFile("", "wb", _LEVEL, outer, mtime=0) as inner:
            plain = Hashing(inner, go_on)
            fill(plain)
    os.rename(draft, folder / outer.digest.removeprefix("sha256:"))
    return Blob(outer.digest, outer.size, plain.digest, title=title)


def _above(name: str) -> list[str]:
    """Folders on the way, outermost first, but for those that every image has: they are the base's."""
    parts = posixpath.dirname(name).split("/")
    return ["/".join(parts[: count + 1]) for count in range(1, len(parts))]


def _add(tar: tarfile.TarFile, item: Item) -> None:
    header = tarfile.TarInfo(item.name)
    header.type, header.mode, header.linkname = _TYPES[item.kind], item.mode, item.target
    if item.content is None:
        tar.addfile(header)
        return
    with item.content() as content:
        if content is not None:
            header.size = content.size
            tar.addfile(header, content.file)

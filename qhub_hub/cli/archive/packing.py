"""Files into an archive and back out of it, where every byte of the archive may be somebody's trap."""

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from qhub_hub import __version__
from qhub_hub.cli.archive.contents import (
    LARGEST,
    MANIFEST,
    BadArchive,
    Manifest,
    Place,
    fingerprint,
    parse_manifest,
)
from qhub_hub.cli.console import CommandError
from qhub_hub.cli.state import told

_BLOCK = tarfile.BLOCKSIZE
_AT_ONCE = 2**20  # bytes


def pack(folder: Path, place: Place, target: BinaryIO) -> Manifest:
    """Write the files of a folder as one archive, the manifest first.

    Args:
        folder: holds files named as in `contents.LARGEST`, and nothing else.
        target: where the archive goes; need not be seekable.

    Raises:
        CommandError: a file is larger than an archive may hold, or the disk is full.
    """
    names = sorted(path.name for path in folder.iterdir())
    for name in names:
        if (size := (folder / name).stat().st_size) > LARGEST[name]:
            raise CommandError(f"{name} has {size} bytes, and a backup holds at most {LARGEST[name]} of it.")
    files = {name: fingerprint(folder / name) for name in names}
    manifest = Manifest(place, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", __version__, files)
    head = manifest.to_json().encode()
    with (
        told("The backup can't be written"),
        gzip.GzipFile("", "wb", 6, target, mtime=0) as packed,
        # USTAR: plain headers only, which is all that `unpack` accepts.
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        tar.addfile(_header(MANIFEST, len(head)), io.BytesIO(head))
        for name, (size, _) in files.items():
            with (folder / name).open("rb") as file:
                tar.addfile(_header(name, size), file)
    return manifest


@contextmanager
def new_archive(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read, and that gets its name once it is whole.

    Raises:
        CommandError: something of that name exists, or it can't be written.
    """
    if path.exists():
        raise CommandError(f"{path} exists already.\nhint: choose another name; QHub writes over no backup.")
    draft = path.with_name(f"{path.name}.part")
    with told(f"The backup {path} can't be written"):
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            with told(f"The backup {path} can't be written"):
                file.flush()
                os.fsync(handle)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def unpack(source: BinaryIO, folder: Path, name: str) -> Manifest:
    """Lay the files of an archive into an empty folder, and vouch for each.

    The headers are read here and not by `tarfile`: only plain files of known names and bounded sizes pass, so there is
    no path, link, device or extended header to beware of, and nothing is read into memory whole.

    Args:
        source: the archive.
        name: of the archive, for sentences.

    Raises:
        BadArchive: it is damaged, or not a backup. The folder may hold some of it.
        CommandError: the disk is full.
    """
    try:
        # The folder is ours: what it can't take is no fault of the archive.
        with gzip.GzipFile(fileobj=source, mode="rb") as packed:
            _members(packed, folder, name)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadArchive(f"{name} is damaged, cut off, or not a backup at all: it can't be unpacked.") from error
    if not (folder / MANIFEST).exists():
        raise BadArchive(f"{name} is not a backup that QHub made: it has no {MANIFEST}.")
    manifest = parse_manifest((folder / MANIFEST).read_bytes(), name)
    found = {path.name: fingerprint(path) for path in folder.iterdir() if path.name != MANIFEST}
    if wrong := sorted(
        file for file in found.keys() | manifest.files.keys() if found.get(file) != manifest.files.get(file)
    ):
        raise BadArchive(
            f"{name} is damaged: {', '.join(wrong)[:200]} is not what was put in when the backup was made.\n"
            "hint: take another copy of it, or another backup."
        )
    return manifest


def _members(packed: gzip.GzipFile, folder: Path, name: str) -> None:
    while (block := _exactly(packed, _BLOCK)).strip(b"\0"):
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
            raise BadArchive(f"{name} is not a backup that QHub made: it is no tar archive inside.") from error
        if member.type not in tarfile.REGULAR_TYPES or member.name not in LARGEST or (folder / member.name).exists():
            shown = member.name[:60]
            raise BadArchive(
                f"{name} is not a backup that QHub made: it holds {shown!r}, which has no place in one. "
                "Nothing of it was used."
            )
        if not 0 <= member.size <= LARGEST[member.name]:
            raise BadArchive(f"{name} is not a backup that QHub made: {member.name} states {member.size} bytes.")
        _lay(packed, folder / member.name, member.size)
        _exactly(packed, -member.size % _BLOCK)
    # To the end, or the checksum of the whole is not looked at; what comes after the last file is nothing but zeros.
    left = 64 * _BLOCK
    while rest := packed.read(_BLOCK):
        left -= len(rest)
        if left < 0 or rest.strip(b"\0"):
            raise BadArchive(f"{name} is not a backup that QHub made: something comes after its end.")


def _lay(packed: gzip.GzipFile, path: Path, size: int) -> None:
    with told(f"The file {path} can't be unpacked"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        while size:
            some = _exactly(packed, min(size, _AT_ONCE))
            with told(f"The file {path} can't be unpacked"):
                file.write(some)
            size -= len(some)


def _exactly(packed: gzip.GzipFile, size: int) -> bytes:
    found = packed.read(size) if size else b""
    if len(found) != size:
        raise EOFError
    return found


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header

"""What a file of an environment becomes at another place: its own path is written into programs, texts and bytecode.

In the image every environment lies at the same short path. So layers don't change with every build, and nothing of the
machine that exported it shows.
"""

import json
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_AT_ONCE = 2**20  # bytes
_MACHINES = ("extracted_package_dir", "package_tarball_full_path", "link", "indexed_timestamp")
"""Keys of a record in conda-meta that say where the package was unpacked and when a channel was indexed."""

_HEADER = 16  # bytes of a .pyc: magic number, flags, time and size of its source (PEP 552)
_SHORT = {ord("z"): ord("z"), ord("Z"): ord("Z"), ord("a"): ord("z"), ord("A"): ord("Z")}
"""Marshal's marks of ASCII texts, each with that of one of less than 256 characters."""

_REFERRED = 0x80  # added to a mark: something later refers to it


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where.

    Args:
        old: absolute path in which the build lies, at least as long as
        new: absolute path in the image.
    """

    old: bytes
    new: bytes


def needs_change(file: BinaryIO, move: Move) -> bool:
    """Whether a file names the place where it lies."""
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(move.old) >= 0
    except ValueError:  # it is empty
        return False


def moved(file: BinaryIO, move: Move) -> Iterator[bytes]:
    """A file's content at the new place, in pieces.

    Texts get shorter. In what holds a NUL, strings that end with one are filled up with more of them, as conda does:
    nothing in a program may change its place.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        binary = content.find(b"\0") >= 0
        done = 0
        while (start := content.find(move.old, done)) >= 0:
            yield from _slices(content, done, start)
            if binary:
                end = content.find(b"\0", start)
                done = len(content) if end < 0 else end
                changed = content[start:done].replace(move.old, move.new)
                yield changed.ljust(done - start, b"\0")
            else:
                yield move.new
                done = start + len(move.old)
        yield from _slices(content, done, len(content))


def _slices(content: mmap.mmap, start: int, end: int) -> Iterator[bytes]:
    for begin in range(start, end, _AT_ONCE):
        yield content[begin : min(begin + _AT_ONCE, end)]


def moved_bytecode(content: bytes, move: Move, time: int) -> bytes | None:
    """A `.pyc` at the new place, valid for a source whose time is 0; None: leave it out, Python compiles it anew.

    The path stands in it as a text with its length before it (marshal, versions 3 to 5), once per module.

    Args:
        time: of the source at the old place, seconds.
    """
    if len(content) < _HEADER:
        return None
    if int.from_bytes(content[4:8], "little") & 1:  # valid by the source's hash, not by its time
        parts = [content[:_HEADER]]
    elif int.from_bytes(content[8:12], "little") != time & 0xFFFFFFFF:
        return None  # it is not of this source, and would seem so
    else:
        parts = [content[:8], bytes(4), content[12:_HEADER]]
    done = _HEADER
    while (start := content.find(move.old, done)) >= 0:
        found = _text_at(content, start, len(move.old))
        if found is None or found[0] < done:
            return None
        begin, mark, end = found
        text = content[start:end].replace(move.old, move.new)
        parts += [content[done:begin], _marshalled(mark, text)]
        done = end
    there = b"".join([*parts, content[done:]])
    # Where a text ends inside of a path, the path is still there: no compiler writes that.
    return None if move.old in there else there


def _text_at(content: bytes, start: int, least: int) -> tuple[int, int, int] | None:
    """Where the text begins with its mark, the mark, and where it ends; None: no text begins at `start`."""
    for width, marks in ((1, b"zZ"), (4, b"aAut")):
        begin = start - width - 1
        size = int.from_bytes(content[begin + 1 : start], "little")
        if content[begin] & ~_REFERRED in marks and least <= size <= len(content) - start:
            return begin, content[begin], start + size
    return None


def _marshalled(mark: int, text: bytes) -> bytes:
    short = _SHORT.get(mark & ~_REFERRED)
    if short is not None and len(text) < 256:
        return bytes([short | mark & _REFERRED, len(text)]) + text
    return bytes([mark]) + struct.pack("<I", len(text)) + text


def moved_record(content: bytes, move: Move) -> bytes:
    """A record of `conda-meta` at the new place, without what belongs to the machine that installed it.

    Raises:
        ValueError: it is no such record.
    """
    record = json.loads(content)
    if not isinstance(record, dict):
        raise ValueError("a record of a package must be a map")
    for key in _MACHINES:
        record.pop(key, None)
    paths = record.get("paths_data")
    for path in paths.get("paths", ()) if isinstance(paths, dict) else ():
        if isinstance(path, dict):
            path.pop("sha256_in_prefix", None)  # it was that of the old place
    return _text(record).replace(move.old, move.new)


def _text(record: dict[str, Any]) -> bytes:
    # Paths as they are: escaped ones would not be found.
    return f"{json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode(errors="surrogateescape")

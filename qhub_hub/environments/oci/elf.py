"""Which libraries a program asks for, as it says itself: nothing is run for the answer, as `ldd` would."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"\x7fELF"
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3  # kinds of segments: System V ABI, chapter 5
_NEEDED, _STRINGS, _STRINGS_SIZE = 1, 5, 10  # entries of the dynamic segment
_MOST = 64 * 2**20  # bytes of one table; what states more is damaged


@dataclass(frozen=True, slots=True)
class Linked:
    """What a program or library is linked with.

    Args:
        machine: number of the processor that it is for.
        needed: names of libraries, as `libc.so.6`.
        interpreter: path of the loader that starts it; empty: it is a library, or needs none.
    """

    machine: int
    needed: tuple[str, ...] = ()
    interpreter: str = ""


def read_elf(file: BinaryIO) -> Linked | None:
    """What a 64-bit program asks for; None: it is none, or damaged."""
    try:
        return _read(file)
    except (struct.error, ValueError, IndexError):
        return None


def _read(file: BinaryIO) -> Linked | None:
    head = file.read(64)
    if head[:4] != MAGIC or head[4] != 2:
        return None
    order = "<" if head[5] == 1 else ">"
    machine, table = struct.unpack(f"{order}18xH12xQ", head[:40])
    size, count = struct.unpack(f"{order}HH", head[54:58])
    raw = _at(file, table, size * count)
    # Kind, place in the file, place in memory, bytes in the file.
    segments = [struct.unpack_from(f"{order}I4xQQ8xQ", raw, number * size) for number in range(count)]
    interpreter = "".join(
        _at(file, where, length).rstrip(b"\0").decode() for kind, where, _, length in segments if kind == _INTERPRETER
    )
    for kind, where, _, length in segments:
        if kind == _DYNAMIC:
            pairs = struct.iter_unpack(f"{order}QQ", _at(file, where, length - length % 16))
            entries = [(key, value) for key, value in pairs]
            return Linked(machine, _needed(file, entries, segments), interpreter)
    return Linked(machine, (), interpreter)


def _needed(file: BinaryIO, entries: list[tuple[int, int]], segments: list[tuple[int, ...]]) -> tuple[str, ...]:
    values = dict(entries)
    address = values.get(_STRINGS, 0)
    for kind, where, memory, length in segments:
        if kind == _LOAD and memory <= address < memory + length:
            strings = _at(file, where + address - memory, values.get(_STRINGS_SIZE, 0))
            starts = [start for kind, start in entries if kind == _NEEDED]
            return tuple(strings[start : strings.index(b"\0", start)].decode() for start in starts)
    return ()


def _at(file: BinaryIO, where: int, length: int) -> bytes:
    if length > _MOST:
        raise ValueError
    file.seek(where)
    return file.read(length)

"""A layer as a file: the same bytes on every day, and nothing of this machine in it."""

import gzip
import hashlib
import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments.oci.prefix import FILE, FOLDER, LINK
from qhub_hub.environments.oci.tar import Item, Pieces, Stated, write_layer


def file(name: str, content: bytes | None, mode: int = 0o644) -> Item:
    @contextmanager
    def opened() -> Iterator[Stated | None]:
        yield None if content is None else Stated(len(content), io.BytesIO(content))

    return Item(name, FILE, mode, content=opened)


ITEMS = [
    file("opt/e/bin/run", b"#!/bin/sh\n", 0o755),
    file("opt/e/lib/left-out.pyc", None),
    Item("opt/e/lib/link", LINK, 0o777, "../bin/run"),
    file("opt/e/lib/" + "long/" * 60 + "ä", b"x" * 5000),
    Item("opt/e/var", FOLDER, 0o755),
]


def nothing() -> None: ...


def test_a_layer_has_the_same_digest_on_another_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_layer(tmp_path, "one", ITEMS, nothing)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert write_layer(tmp_path, "one", ITEMS, nothing) == before


def test_a_layer_is_named_by_its_digest_and_knows_what_it_unpacks_to(tmp_path: Path) -> None:
    blob = write_layer(tmp_path, "one", ITEMS, nothing)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    assert path.name == blob.digest.removeprefix("sha256:") == hashlib.sha256(content).hexdigest()
    assert blob.size == len(content)
    assert blob.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"


def test_everybody_may_read_what_is_in_it_and_nobody_but_root_owns_it(tmp_path: Path) -> None:
    blob = write_layer(tmp_path, "one", ITEMS, nothing)
    with tarfile.open(tmp_path / blob.digest.removeprefix("sha256:")) as tar:
        members = tar.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {(0, 0, "", "", 0)}
    assert all(one.mode & 0o444 == 0o444 for one in members)
    assert [one.name for one in members if not one.name.startswith("opt/e/lib/long")] == [
        "opt/e",  # not `opt`: that is the base's
        "opt/e/bin",
        "opt/e/bin/run",
        "opt/e/lib",
        "opt/e/lib/link",
        "opt/e/var",
    ]


def test_a_layer_that_shall_end_leaves_no_digest(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_layer(tmp_path, "one", ITEMS, stop)
    assert all(len(path.name) < 64 for path in tmp_path.iterdir())


@given(st.lists(st.binary(min_size=1, max_size=9)), st.lists(st.integers(0, 12)))
def test_pieces_are_read_as_a_file(pieces: list[bytes], sizes: list[int]) -> None:
    stream, whole = Pieces(iter(pieces)), io.BytesIO(b"".join(pieces))
    assert [stream.read(size) for size in sizes] == [whole.read(size) for size in sizes]
    assert stream.read() == whole.read()

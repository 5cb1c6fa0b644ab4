"""An archive that is damaged, foreign or hostile is refused, and nothing leaves the folder it is unpacked into."""

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qhub_hub.cli.archive.contents import FORMAT, MANIFEST, VERSION, BadArchive
from qhub_hub.cli.archive.packing import new_archive, pack, unpack
from qhub_hub.cli.console import CommandError


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    folder = tmp_path / "filled"
    folder.mkdir()
    (folder / "identities.jsonl").write_text("{}\n")
    (folder / "hub.sqlite").write_bytes(os.urandom(3_000_000))
    (folder / "secrets.json").write_text("{}")
    return folder


def archive(filled: Path) -> bytes:
    stream = io.BytesIO()
    pack(filled, "machine", stream)
    return stream.getvalue()


def test_what_is_packed_comes_back_closed_to_others(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    manifest = unpack(io.BytesIO(archive(filled)), target, "it")
    assert (target / "hub.sqlite").read_bytes() == (filled / "hub.sqlite").read_bytes()
    assert {path.name for path in target.iterdir()} == {*manifest.files, MANIFEST}
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o600}


def test_it_is_a_tar_archive_that_people_can_open(filled: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive(filled))) as tar:
        assert tar.getnames() == [MANIFEST, "hub.sqlite", "identities.jsonl", "secrets.json"]


def tarred(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=kind) as tar:
        for header, content in members:
            header.size = len(content) if header.isreg() else 0
            tar.addfile(header, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: Any) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = kind
    for key, value in more.items():
        setattr(header, key, value)
    return header


def manifest(version: int = VERSION, form: str = FORMAT, **files: bytes) -> bytes:
    known = {
        name.replace("_", "."): (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    }
    return json.dumps(
        {"format": form, "version": version, "place": "machine", "made": "", "qhub": "", "files": known}
    ).encode()


HOSTILE = {
    "empty file": b"",
    "text": b"hello, world\n" * 100,
    "gzip of text": gzip.compress(b"x" * 2000),
    "empty tar": tarred(),
    "path upwards": tarred((member("../evil"), b"x")),
    "absolute path": tarred((member("/tmp/evil"), b"x")),  # noqa: S108
    "unknown name": tarred((member("evil"), b"x")),
    "known name below a folder": tarred((member("./hub.sqlite"), b"x")),
    "symbolic link": tarred((member("hub.sqlite", tarfile.SYMTYPE, linkname="/etc/passwd"), b"")),
    "hard link": tarred((member("hub.sqlite", tarfile.LNKTYPE, linkname="/etc/passwd"), b"")),
    "device": tarred((member("hub.sqlite", tarfile.CHRTYPE, devmajor=1, devminor=3), b"")),
    "named pipe": tarred((member("hub.sqlite", tarfile.FIFOTYPE), b"")),
    "folder": tarred((member("hub.sqlite", tarfile.DIRTYPE), b"")),
    "extended header": tarred((member("n" * 300), b"x"), kind=tarfile.PAX_FORMAT),
    "twice": tarred((member("values.yaml"), b"a"), (member("values.yaml"), b"b")),
    "too large a manifest": tarred((member(MANIFEST), b" " * 100_000)),
    "manifest of another program": tarred((member(MANIFEST), manifest(form="other"))),
    "newer layout": tarred((member(MANIFEST), manifest(version=2))),
    "manifest that is a list": tarred((member(MANIFEST), b"[]")),
    "manifest nested deeply": tarred((member(MANIFEST), b"[" * 60_000)),
    "file that the manifest does not know": tarred((member(MANIFEST), manifest()), (member("values.yaml"), b"a")),
    "missing file": tarred((member(MANIFEST), manifest(values_yaml=b"a"))),
    "changed file": tarred((member(MANIFEST), manifest(values_yaml=b"a")), (member("values.yaml"), b"b")),
    "no manifest": tarred((member("values.yaml"), b"b")),
    "something behind the end": gzip.compress(gzip.decompress(tarred((member(MANIFEST), manifest()))) + b"x" * 512),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_with_a_sentence(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(BadArchive) as refused:
        unpack(io.BytesIO(content), target, "team.tar.gz")
    assert str(refused.value).startswith("team.tar.gz is ")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in target.iterdir())


def test_a_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    header = member(MANIFEST)
    header.size = 2**33 - 1
    with pytest.raises(BadArchive, match="states 8589934591 bytes"):
        unpack(io.BytesIO(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT))), tmp_path, "it")
    assert not list(tmp_path.iterdir())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_archive_with_one_changed_byte_is_refused_or_means_the_same(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("byte")
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    (folder / "in" / "values.yaml").write_text("qhub: {}\n" * 50)
    whole = archive(folder / "in")
    cut = data.draw(st.booleans())
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    changed = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :]
    try:
        unpack(io.BytesIO(changed), folder / "out", "it")
    except BadArchive:
        return
    assert (folder / "out" / "values.yaml").read_text() == "qhub: {}\n" * 50


def test_a_backup_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "team.tar.gz"

    def breaks_off() -> None:
        with new_archive(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks_off()
    assert list(tmp_path.iterdir()) == []
    with new_archive(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_backup_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "team.tar.gz"
    path.write_bytes(b"the only one")
    with pytest.raises(CommandError, match="exists already"), new_archive(path):
        pass
    assert path.read_bytes() == b"the only one"

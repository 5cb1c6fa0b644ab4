"""Names files: replaced whole, readable by their owner only, and old ones stay when the disk is full."""

import os
import stat
from pathlib import Path

import pytest

from qhub_hub.hub.names_files import write_names

pytestmark = pytest.mark.root


def test_files_are_their_owners_to_read_and_nobody_elses(tmp_path: Path) -> None:
    before = os.umask(0o077)
    write_names(tmp_path / "ann", 101_234, "passwd text", "group text")
    os.umask(before)
    folder = (tmp_path / "ann").stat()
    assert (folder.st_uid, folder.st_gid, stat.S_IMODE(folder.st_mode)) == (0, 101_234, 0o750)
    for name in ("passwd", "group"):
        path = tmp_path / "ann" / name
        assert path.read_text() == f"{name} text"
        assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o644)


def test_a_reader_has_the_old_file_or_the_new_one_never_half_of_one(tmp_path: Path) -> None:
    write_names(tmp_path, 0, "old", "old")
    with (tmp_path / "passwd").open() as reader:
        write_names(tmp_path, 0, "new and longer", "new")
        assert reader.read() == "old"
    assert (tmp_path / "passwd").read_text() == "new and longer"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["group", "passwd"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/passwd").symlink_to(tmp_path / "precious")
    write_names(tmp_path / "ann", 0, "text", "text")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "ann/passwd").is_symlink()


def test_where_writing_fails_the_old_files_stay_and_no_draft_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_names(tmp_path, 0, "old", "old")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_names(tmp_path, 0, "new", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["group", "passwd"]
    assert (tmp_path / "passwd").read_text() == "old"

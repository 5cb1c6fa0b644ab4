"""Files change places all together or not at all, and the old ones stay."""

from pathlib import Path

import pytest

from qhub_hub.cli.archive.placing import put_in_place
from qhub_hub.cli.console import CommandError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    staged, folder = tmp_path / "folder" / "staged", tmp_path / "folder"
    staged.mkdir(parents=True)
    (staged / "a").write_text("new a")
    (staged / "b").write_text("new b")
    (folder / "a").write_text("old a")
    (folder / "a-wal").write_text("old log")
    return staged, folder


def test_what_was_there_is_kept_beside(folders: tuple[Path, Path]) -> None:
    staged, folder = folders
    kept = put_in_place(staged, folder, ["a", "a-wal", "b"])
    assert [path.read_text() for path in kept] == ["old a", "old log"]
    assert all(".before-restore-" in path.name for path in kept)
    assert kept[1].name == f"{kept[0].name}-wal"  # where SQLite looks for it
    assert ((folder / "a").read_text(), (folder / "b").read_text()) == ("new a", "new b")
    assert not (folder / "a-wal").exists()  # an old log would be played into the new database


def test_a_failure_on_the_way_leaves_everything_as_it_was(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, folder = folders
    rename = Path.rename

    def fails_for_b(path: Path, target: Path) -> Path:
        if path == staged / "b":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_for_b)
    with pytest.raises(CommandError, match="the disk is full"):
        put_in_place(staged, folder, ["a", "b"])
    assert (folder / "a").read_text() == "old a"
    assert (staged / "a").read_text() == "new a"

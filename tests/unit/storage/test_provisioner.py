"""Making folders: owners, modes, and every way it can be refused."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.identity.model import Group, Identity
from qhub_hub.storage import (
    OwnerMismatch,
    Provisioner,
    StorageError,
    UnsafePath,
    directories,
    group_directory,
)

ML = Group("ml", "ml", 70_001, "ml")
ANN = Identity("ann", "ann", 100_001, 100_001, (ML,), "ann", "/home/ann")


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Provisioner]:
    """A new share, written with real owners."""
    root = tmp_path / "share"
    root.mkdir()
    with Provisioner(root, own_ids=True) as provisioner:
        yield provisioner


@pytest.fixture
def my_share(tmp_path: Path) -> Iterator[Provisioner]:
    """A new share on which everything belongs to whoever runs the tests."""
    root = tmp_path / "share"
    root.mkdir()
    with Provisioner(root, own_ids=False) as provisioner:
        yield provisioner


def seen(path: Path) -> tuple[int, int, str]:
    status = path.lstat()
    return status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))


@pytest.mark.root
def test_a_person_gets_home_and_group_folders_with_their_owners(share: Provisioner) -> None:
    assert share.ensure(directories(ANN))[1:] == ["created"] * 5
    assert seen(share.root) == (0, 0, "0o755")
    assert seen(share.root / "home") == (0, 0, "0o711")
    assert seen(share.root / "home/ann") == (100_001, 100_001, "0o700")
    assert seen(share.root / "shared") == (0, 0, "0o755")
    assert seen(share.root / "shared/ml") == (0, 70_001, "0o2770")
    assert seen(share.root / ".qhub") == (0, 0, "0o700")


def test_a_mode_that_the_system_drops_is_told(my_share: Provisioner, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.fchmod
    monkeypatch.setattr("os.fchmod", lambda fd, mode: really(fd, mode & 0o1777))
    with pytest.raises(StorageError, match=r"shared/ml has the mode 770 although 2770 was set.*FSETID"):
        my_share.ensure(directories(ANN))


@pytest.mark.root
def test_a_second_run_changes_nothing_and_touches_no_file_inside(share: Provisioner) -> None:
    share.ensure(directories(ANN))
    notes = share.root / "home/ann/notes.txt"
    notes.write_text("mine")
    before = notes.stat()
    assert set(share.ensure(directories(ANN))) == {"kept"}
    assert notes.stat() == before


def test_a_normal_user_gets_the_modes_and_owns_everything(my_share: Provisioner) -> None:
    my_share.ensure(directories(ANN))
    me = (os.geteuid(), os.getegid())
    assert seen(my_share.root / "home/ann") == (*me, "0o700")
    assert seen(my_share.root / "shared/ml") == (*me, "0o2770")
    assert set(my_share.ensure(directories(ANN))) == {"kept"}


def test_a_wrong_mode_is_put_right(my_share: Provisioner) -> None:
    my_share.ensure(directories(ANN))
    (my_share.root / "shared/ml").chmod(0o777)
    assert my_share.ensure([group_directory(ML)]) == ["fixed"]
    assert seen(my_share.root / "shared/ml")[2] == "0o2770"


@pytest.mark.root
def test_a_folder_left_half_made_by_a_crash_is_completed(share: Provisioner) -> None:
    share.ensure(directories(ANN)[:-1])
    (share.root / "shared/ml").mkdir(0o700)
    assert share.ensure([group_directory(ML)]) == ["fixed"]
    assert seen(share.root / "shared/ml") == (0, 70_001, "0o2770")


@pytest.mark.root
@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("home/ann", (100_002, 100_002)),
        ("home/ann", (0, 70_001)),
        ("shared/ml", (0, 70_009)),
        ("home", (5, 0)),
    ],
    ids=["another-persons-home", "home-of-a-group", "another-groups-folder", "parent-of-somebody"],
)
def test_what_belongs_to_somebody_else_is_named_and_left_alone(
    share: Provisioner, path: str, owner: tuple[int, int]
) -> None:
    share.ensure(directories(ANN))
    os.chown(share.root / path, *owner)
    (share.root / path).chmod(0o750)
    with pytest.raises(OwnerMismatch) as refused:
        share.ensure(directories(ANN))
    assert seen(share.root / path) == (*owner, "0o750")
    assert refused.value.found == owner
    for part in (str(share.root / path), f"user {owner[0]} and group {owner[1]}", "--no-dereference"):
        assert part in str(refused.value)


@pytest.mark.parametrize("kind", ["symlink", "dangling", "file", "fifo"])
@pytest.mark.parametrize("path", ["home", "home/ann"])
def test_a_link_or_file_in_the_way_is_refused(my_share: Provisioner, kind: str, path: str) -> None:
    elsewhere = my_share.root.parent / "elsewhere"
    elsewhere.mkdir(0o755)
    place = my_share.root / path
    place.parent.mkdir(exist_ok=True)
    if kind == "symlink":
        place.symlink_to(elsewhere)
    elif kind == "dangling":
        place.symlink_to("nowhere")
    elif kind == "file":
        place.write_text("")
    else:
        os.mkfifo(place)
    before = seen(elsewhere)
    with pytest.raises(UnsafePath, match="QHub does not follow it") as refused:
        my_share.ensure(directories(ANN))
    assert str(place) in str(refused.value)
    assert seen(elsewhere) == before
    assert not list(elsewhere.iterdir())


def test_a_root_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(UnsafePath, match="is a symbolic link"):
        Provisioner(tmp_path / "link", own_ids=False)
    with pytest.raises(StorageError, match="it does not exist"):
        Provisioner(tmp_path / "absent", own_ids=False)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the file system is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "must not squash root"),
        (errno.ENXIO, "the system answers ENXIO"),
    ],
    ids=["full", "quota", "read-only", "squashed", "odd"],
)
def test_a_failing_disk_is_told_as_a_sentence(
    my_share: Provisioner, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", fail)
    with pytest.raises(StorageError, match=sentence) as told:
        my_share.ensure(directories(ANN))
    assert str(told.value).startswith(f"Could not make the folder {my_share.root}/")
    assert "Errno" not in str(told.value)

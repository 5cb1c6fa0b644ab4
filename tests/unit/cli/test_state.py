"""The state folder: what is secret is closed, what is foreign is refused, what is damaged is named."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.state import StateFolder, default_state, told


@pytest.fixture(params=[0o022, 0o077, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_modes_are_the_same_whatever_the_shell_said(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.secret("password")
    expected = {"": 0o711, "secrets": 0o700, "databases": 0o700, "logs": 0o700, "names": 0o711, "files": 0o755}
    assert {name: mode(state.path / name) for name in expected} == expected
    assert mode(state.secret_path("password")) == 0o600


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    first = StateFolder(tmp_path / "state").secret("cookie")
    assert len(first) == 64
    assert StateFolder(tmp_path / "state").secret("cookie") == first
    assert StateFolder(tmp_path / "state").secret("other") != first


def test_a_secret_that_was_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.secret("cookie")
    state.secret_path("cookie").chmod(0o644)
    state.secret("cookie")
    assert mode(state.secret_path("cookie")) == 0o600


@pytest.mark.parametrize("text", ["", "\n", "short\n", "\xff" * 3], ids=["empty", "a line end", "short", "not text"])
def test_a_damaged_secret_is_named_and_never_used(tmp_path: Path, text: str) -> None:
    state = StateFolder(tmp_path / "state")
    state.secret_path("password").write_bytes(text.encode("latin-1"))
    with pytest.raises(CommandError, match=r"secrets/password is damaged.*\nhint: remove the file"):
        state.secret("password")


@pytest.mark.root
@pytest.mark.parametrize("name", ["", "secrets", "names", "logs"])
def test_a_folder_of_another_user_is_refused(tmp_path: Path, name: str) -> None:
    state = StateFolder(tmp_path / "state")
    os.chown(state.path / name, 12345, 12345)
    with pytest.raises(CommandError, match=r"belongs to the user with the id 12345"):
        StateFolder(tmp_path / "state")


@pytest.mark.root
def test_a_planted_link_to_another_users_folder_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    planted = tmp_path / "state"
    planted.mkdir()
    (planted / "version").write_text("1")
    (planted / "secrets").symlink_to(theirs)
    with pytest.raises(CommandError, match="belongs to the user"):
        StateFolder(planted)
    assert mode(theirs) == 0o755


@pytest.mark.parametrize(
    ("found", "words"), [({"version": "99"}, "another version"), ({"thesis.tex": ""}, "not empty"), ({}, "")]
)
def test_only_an_empty_folder_or_ones_own_is_used(tmp_path: Path, found: dict[str, str], words: str) -> None:
    for name, text in found.items():
        (tmp_path / name).write_text(text)
    if words:
        with pytest.raises(CommandError, match=words):
            StateFolder(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(found)
    else:
        assert StateFolder(tmp_path).path == tmp_path


def test_a_start_for_which_the_disk_was_full_does_not_spoil_the_folder(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("")
    StateFolder(tmp_path)
    assert (tmp_path / "version").read_text() == "1\n"


def test_two_at_a_time_are_kept_apart(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    with first.locked(), pytest.raises(CommandError, match="is running on"), second.locked():
        pass
    with second.locked():
        pass


def test_a_user_without_a_home_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(CommandError, match="--state"):
        default_state()


@pytest.mark.parametrize(
    ("number", "words"), [(28, "the disk is full"), (30, "read-only"), (13, "permission denied"), (5, "Input/output")]
)
def test_errors_of_the_system_become_sentences(number: int, words: str) -> None:
    with (
        pytest.raises(CommandError, match=rf"The file can't be kept: .*{words}.*\nhint: "),
        told("The file can't be kept"),
    ):
        raise OSError(number, "x")

"""umask, HOME and friends, and the link to the shared folders."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.singleuser.person import link_shared_folders, set_person, set_umask


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """The tests' own umask comes back."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("text", "umask", "warned"),
    [
        (None, 0o002, False),
        ("", 0o002, False),
        ("0027", 0o027, False),
        ("077", 0o077, False),
        ("0o22", 0o022, False),
        ("9", 0o002, True),
        ("u=rwx", 0o002, True),
        ("7777", 0o002, True),
        ("-1", 0o002, True),
    ],
)
def test_new_files_can_be_written_by_the_group_unless_told_otherwise(
    text: str | None, umask: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    set_umask({} if text is None else {"QHUB_UMASK": text})
    assert os.umask(0) == umask
    assert bool(caplog.records) is warned


def test_what_the_spawner_says_about_the_person_stays() -> None:
    env = {"USER": "ann", "HOME": "/home/ann", "SHELL": "/bin/sh"}
    set_person(env)
    assert env == {"USER": "ann", "LOGNAME": "ann", "HOME": "/home/ann", "SHELL": "/bin/sh"}


def test_a_person_without_any_entry_still_has_a_name_a_home_and_a_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_999_999_999)
    monkeypatch.chdir(tmp_path)
    env = {"JUPYTERHUB_USER": "ann", "SHELL": "/bin/no-such-shell"}
    set_person(env)
    assert (env["USER"], env["LOGNAME"], env["HOME"]) == ("ann", "ann", str(tmp_path))
    assert os.access(env["SHELL"], os.X_OK)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home, and a share with a folder of group folders."""
    (tmp_path / "home").mkdir()
    (tmp_path / "share/shared").mkdir(parents=True)
    return {"HOME": str(tmp_path / "home"), "QHUB_SHARED": str(tmp_path / "share/shared")}


def test_the_link_is_made_once(env: dict[str, str]) -> None:
    link = Path(env["HOME"], "shared")
    link_shared_folders(env)
    link_shared_folders(env)
    assert str(link.readlink()) == env["QHUB_SHARED"]


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_what_is_the_persons_own_is_never_replaced(env: dict[str, str], kind: str) -> None:
    own = Path(env["HOME"], "shared")
    if kind == "file":
        own.write_text("mine")
    elif kind == "folder":
        own.mkdir()
    else:
        own.symlink_to("/" if kind == "link" else "/nowhere/mine")
    before = own.lstat()
    link_shared_folders(env)
    assert own.lstat() == before


def test_an_old_link_of_ours_that_leads_nowhere_is_re_pointed(env: dict[str, str]) -> None:
    link = Path(env["HOME"], "shared")
    link.symlink_to("/moved/away/shared")
    link_shared_folders(env)
    assert str(link.readlink()) == env["QHUB_SHARED"]


def test_a_home_that_can_not_be_written_is_told_and_stops_nothing(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "symlink", full)
    with caplog.at_level(logging.WARNING):
        link_shared_folders(env)
    assert "No space left on device" in caplog.text
    assert env["QHUB_SHARED"] in caplog.text


@pytest.mark.parametrize("missing", ["HOME", "QHUB_SHARED"])
def test_without_shared_folders_or_home_nothing_is_linked(env: dict[str, str], missing: str) -> None:
    home = Path(env["HOME"])
    del env[missing]
    link_shared_folders(env)
    assert not list(home.iterdir())

"""`qhub ids`: database, names and folders agree; a lost database is learnt back from the files."""

import os
from pathlib import Path

import pytest

from qhub_hub.identity import GroupRecord, HighWater, IdConflict, RealmMismatch, UserRecord, ids

from .conftest import Opener

ANN = UserRecord("ann", "ann", 100_000, 100_000, "ann")


def folder(path: Path, uid: int = 0, gid: int = 0) -> None:
    path.mkdir(parents=True)
    os.chown(path, uid, gid)


@pytest.mark.usefixtures("library")
def test_every_record_resolves_through_the_real_library(sqlite_url: str, opened: Opener) -> None:
    store = opened(sqlite_url)
    store.users(dict.fromkeys(["ann", "Ann Lee", "李雷", "x" * 255, *(f"user{n}" for n in range(600))]))
    store.groups(dict.fromkeys(["ann", "staff", "/teamA/research", "data"]))
    assert ids.check(store.records()) == ids.Report(608, ())


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "records",
    [
        [ANN, UserRecord("bob", "bob", 100_000, 100_000, "bob")],
        [ANN, GroupRecord("data", "ann", 70_000, "data")],
        [UserRecord("ann", "a:b", 100_000, 100_000, "ann")],
        [UserRecord("ann", "root", 100_000, 100_000, "ann")],
        [GroupRecord("data", "data", -1, "data")],
    ],
    ids=["one number twice", "one name twice", "a broken name", "root's name", "a broken number"],
)
def test_a_tampered_database_is_reported(records: list) -> None:
    assert ids.check(records).problems


@pytest.mark.root
@pytest.mark.usefixtures("library")
def test_folders_of_other_owners_and_planted_links_are_reported(tmp_path: Path) -> None:
    bob = UserRecord("bob", "bob", 100_001, 100_001, "bob")
    data = GroupRecord("data", "data", 70_000, "data")
    carl = UserRecord("carl", "carl", 100_002, 100_002, "carl")
    folder(tmp_path / "home/ann", 100_000, 100_000)
    folder(tmp_path / "shared/data", 0, 70_001)
    (tmp_path / "home/bob").symlink_to(tmp_path / "home/ann")
    problems = ids.check([ANN, bob, carl, data], tmp_path).problems
    assert len(problems) == 2
    assert "'bob', but is not a folder" in problems[0]
    assert "belongs to gid 70001, but the group 'data' has 70000" in problems[1]


@pytest.mark.root
def test_a_lost_database_is_learnt_back_and_no_number_is_given_again(tmp_path: Path, url: str, opened: Opener) -> None:
    files = tmp_path / "files"
    lost = opened(f"sqlite:///{tmp_path}/lost.sqlite")
    names = ["ann", "Ann Lee", "bob"]
    people = lost.users(dict.fromkeys(names))
    data = lost.group("data")
    lost.user("never-came")
    for person in people.values():
        folder(files / "home" / person.directory, person.uid, person.gid)
    folder(files / "shared/data", 0, data.gid)
    mark = lost.high_water
    store = opened(url)
    report = ids.rebuild(store, files, users=names, mark=mark)
    assert report == ids.Report(4, ())
    assert store.users(dict.fromkeys(names)) == people
    assert store.group("data") == data
    assert store.user("new").uid > mark.last_user_id
    assert store.realm == mark.realm
    assert ids.rebuild(store, files, users=names) == ids.Report(0, ())


@pytest.mark.root
def test_what_the_files_do_not_tell_is_reported_and_never_guessed(tmp_path: Path, url: str, opened: Opener) -> None:
    home = tmp_path / "home"
    folder(home / "ann", 100_000)  # an earlier ann's …
    folder(home / "ann--100005", 100_005)  # … and the present one's
    folder(home / "ann-lee--aaaaaaaaaaaaaaaa", 100_001)
    folder(home / "root", 100_002)
    folder(home / "lost+found", 0)
    folder(home / "one", 100_003)
    folder(home / "two", 100_003)
    (home / "link").symlink_to("/etc")
    store = opened(url)
    report = ids.rebuild(store, tmp_path)
    assert report.done == 0
    assert len(report.problems) == 8
    assert store.user("ann").uid > 100_005


@pytest.mark.root
def test_a_folder_that_contradicts_the_database_changes_nothing(tmp_path: Path, url: str, opened: Opener) -> None:
    store = opened(url, realm="mine")
    ann = store.user("ann")
    folder(tmp_path / "home/ann", 100_007)
    folder(tmp_path / "home/bob", 100_008)
    with pytest.raises(IdConflict, match=r"'ann' belongs to uid 100007, but .* with number 100000"):
        ids.rebuild(store, tmp_path)
    with pytest.raises(RealmMismatch, match=r"'theirs'.*'mine'"):
        ids.rebuild(store, tmp_path, mark=HighWater("theirs"))
    assert store.records() == (ann,)

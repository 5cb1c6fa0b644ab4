"""The identity database: ids stay, are never given twice, and never change hands."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from qhub_hub.identity import (
    HighWater,
    HighWaterMismatch,
    IdConflict,
    IdentityError,
    RangeExhausted,
    RealmMismatch,
    StoreUnavailable,
    UnknownName,
    UnusableName,
    check_high_water,
)
from qhub_hub.identity.seen import FRESH_SECONDS
from qhub_hub.identity.store import IdentityStore

from .conftest import Opener


def test_a_person_keeps_number_and_folder_after_a_restart(url: str, opened: Opener) -> None:
    first = opened(url)
    ann, data = first.user("ann"), first.group("data")
    first.close()
    again = opened(url)
    assert (again.user("ann"), again.group("data")) == (ann, data)
    assert (ann.uid, ann.gid, ann.posix, ann.directory) == (100_000, 100_000, "ann", "ann")
    assert (data.gid, data.posix, data.directory) == (70_000, "data", "data")


def test_declared_ids_win_and_allocation_steps_over_them(url: str, opened: Opener) -> None:
    store = opened(url)
    records = store.users({"bob": 100_001, "ann": None, "carl": None, "dora": 5000})
    assert {name: record.uid for name, record in records.items()} == {
        "bob": 100_001,
        "ann": 100_000,
        "carl": 100_002,
        "dora": 5000,
    }
    assert store.user("eve").uid == 100_003


@pytest.mark.parametrize(
    ("who", "declared", "named"),
    [
        (("user", "bob"), 5000, ["'bob'", "'ann'", "5000", "users.bob.uid"]),
        (("user", "ann"), 5001, ["'ann'", "5000", "5001", "users.ann.uid"]),
        (("group", "data"), 5000, ["'data'", "'ann'", "groups.data.gid"]),
        (("user", "bob"), 65_534, ["users.bob.uid", "65534", "operating system"]),
        (("user", "bob"), 0, ["users.bob.uid", "operating system"]),
    ],
    ids=["taken", "changed", "a user's private group", "nobody", "root"],
)
def test_a_declared_id_that_can_not_be_is_refused_with_both_owners(
    url: str, opened: Opener, who: tuple[str, str], declared: int, named: list[str]
) -> None:
    store = opened(url)
    store.user("ann", 5000)
    with pytest.raises(IdConflict) as caught:
        getattr(store, who[0])(who[1], declared)
    assert all(part in str(caught.value) for part in named), str(caught.value)
    assert store.user("ann").uid == 5000


def test_two_declared_owners_of_one_number_in_one_call_get_nothing(url: str, opened: Opener) -> None:
    store = opened(url)
    with pytest.raises(IdConflict, match=r"'bob'.*'ann'"):
        store.users({"ann": 5000, "bob": 5000, "carl": None})
    assert store.records() == ()


def test_one_bad_name_among_many_gives_nobody_an_id(url: str, opened: Opener) -> None:
    store = opened(url)
    with pytest.raises(UnusableName, match="'root'"):
        store.users({"ann": None, "root": None})
    assert store.records() == ()
    assert store.user("bob").uid == 100_000


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300, "../ann", "a:b\nroot:x:0:0::/:/bin/sh"])
def test_hostile_names_are_refused_before_they_reach_the_database(url: str, opened: Opener, name: str) -> None:
    store = opened(url)
    with pytest.raises(UnusableName):
        store.user(name)
    with pytest.raises(UnusableName):
        store.rename("user", "ann", name)


def test_a_group_named_like_a_person_is_never_that_persons_private_group(url: str, opened: Opener) -> None:
    store = opened(url)
    ann, ann_group = store.user("ann"), store.group("ann")
    bob_group, bob = store.group("bob"), store.user("bob")
    names = [record.posix for record in (ann, ann_group, bob_group, bob)]
    assert len(set(names)) == 4
    assert (ann.posix, bob_group.posix) == ("ann", "bob")
    assert len({ann.gid, ann_group.gid, bob.gid, bob_group.gid}) == 4


def test_who_comes_back_gets_their_own_id_unless_retired_for_good(url: str, opened: Opener) -> None:
    store = opened(url)
    ann, bob = store.user("ann"), store.user("bob")
    store.retire("user", "ann")
    store.retire("user", "bob", for_good=True)
    assert store.records() == ()
    new_bob = store.user("bob")
    assert store.user("ann") == ann
    assert new_bob.uid == 100_002
    assert (new_bob.posix, new_bob.directory) == ("bob", "bob--100002")
    with pytest.raises(IdConflict, match="gone for good"):
        store.user("carl", bob.uid)


def test_a_renamed_person_keeps_number_and_folder_and_the_old_name_is_another_person(url: str, opened: Opener) -> None:
    store = opened(url)
    ann = store.user("ann")
    renamed = store.rename("user", "ann", "anna")
    assert (renamed.gid, renamed.directory, renamed.posix) == (ann.uid, "ann", "anna")
    other = store.user("ann")
    assert other.uid != ann.uid
    assert other.directory not in ("ann", "anna")
    with pytest.raises(IdConflict, match="never merged"):
        store.rename("user", "ann", "anna")
    with pytest.raises(UnknownName, match="'nobody-here'"):
        store.rename("user", "nobody-here", "x")


def test_a_used_up_pool_says_which_key_to_change(url: str, opened: Opener) -> None:
    store = opened(url, user_ids=(2000, 2001))
    store.users({"ann": None, "bob": None})
    store.retire("user", "ann", for_good=True)
    with pytest.raises(RangeExhausted, match=r"identity.userIds \(2000 to 2001\)"):
        store.user("carl")
    assert store.user("dora", 3000).uid == 3000


def test_allocation_steps_over_numbers_that_systemd_gives_to_its_own(sqlite_url: str, opened: Opener) -> None:
    store = opened(sqlite_url, user_ids=(60_000, 70_000))
    assert [store.user(name).uid for name in ("ann", "bob")] == [60_000, 60_578]


def test_renames_by_another_process_are_seen_within_seconds(url: str, opened: Opener) -> None:
    now = 0.0
    hub, tool = opened(url, clock=lambda: now), opened(url)
    ann = hub.user("ann")
    tool.rename("user", "ann", "anna")
    now += FRESH_SECONDS
    assert hub.user("ann").uid != ann.uid
    assert hub.user("anna").uid == ann.uid


def test_people_seen_before_can_work_while_the_database_is_away_and_new_ones_get_a_sentence(
    tmp_path: Path, opened: Opener
) -> None:
    now = 0.0
    path = tmp_path / "ids.sqlite"
    store = opened(f"sqlite:///{path}", clock=lambda: now)
    ann = store.user("ann")
    store.close()
    path.write_bytes(b"not a database at all" * 100)
    now += FRESH_SECONDS
    assert store.user("ann") == ann
    with pytest.raises(StoreUnavailable, match="not a database, or is damaged"):
        store.user("bob")


def test_known_users_gives_nobody_an_id(url: str, opened: Opener) -> None:
    ann = opened(url).user("ann")
    store = opened(url)
    assert store.known_users(["ann", "bob"]) == {"ann": ann}
    assert store.records() == (ann,)


RACER = """
import json, sys
from qhub_hub.identity.store import IdentityStore
store = IdentityStore(sys.argv[1])
names = [f"u{n}" for n in range(60)]
given = {n: store.user(n).uid for n in names[:30]}
given |= {n: r.uid for n, r in store.users(dict.fromkeys(names[30:])).items()}
store.group("u1")
store.close()
print(json.dumps(given))
"""


def test_processes_that_race_for_the_same_new_names_agree_without_gaps(url: str, opened: Opener) -> None:
    racers = [subprocess.Popen([sys.executable, "-c", RACER, url], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert answers[0] == answers[1] == answers[2]
    assert sorted(answers[0].values()) == list(range(100_000, 100_060))
    assert opened(url).high_water.last_user_id == 100_059


PROMISER = """
import sys
from qhub_hub.identity.store import IdentityStore
store = IdentityStore(sys.argv[1])
for n in range(10**6):
    print(f"u{n}", store.user(f"u{n}").uid, flush=True)
"""


def test_every_id_that_a_killed_process_promised_is_kept(sqlite_url: str, opened: Opener) -> None:
    with subprocess.Popen([sys.executable, "-c", PROMISER, sqlite_url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        promised = [process.stdout.readline().split() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        rest = [line.split() for line in process.stdout]
    promised += [line for line in rest if len(line) == 2 and line[1].startswith("100")]
    store = opened(sqlite_url)
    kept = {record.name: record.gid for record in store.records()}
    assert {name: int(uid) for name, uid in promised}.items() <= kept.items()
    assert sorted(kept.values()) == list(range(100_000, 100_000 + len(kept)))


def test_a_database_of_another_realm_is_refused_with_both_names(url: str, opened: Opener) -> None:
    assert opened(url, realm="staging").realm == "staging"
    assert opened(url).realm == "staging"
    with pytest.raises(RealmMismatch, match=r"'staging'.*'production'"):
        opened(url, realm="production")


def test_two_new_databases_have_different_realms(tmp_path: Path, opened: Opener) -> None:
    assert opened(f"sqlite:///{tmp_path}/a").realm != opened(f"sqlite:///{tmp_path}/b").realm


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "ids.sqlite"
    opened(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update qhub_id_facts set value = '7' where name = 'schema'")
    with pytest.raises(StoreUnavailable, match=r"version '7'; this QHub knows version 1"):
        opened(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("sqlite://", "would forget"),
        ("sqlite:////nowhere/ids.sqlite", "folder is missing"),
        ("sqlite:////tmp", "is a directory"),
        ("mysql://host/db", "unknown kind"),
        ("no address", "no known form"),
        ("postgresql://ann:secret@127.0.0.1:1/db", "can't be reached"),
    ],
)
def test_an_address_that_does_not_work_gets_a_sentence_without_the_password(address: str, sentence: str) -> None:
    with pytest.raises(StoreUnavailable, match=sentence) as caught:
        IdentityStore(address)
    assert "secret" not in str(caught.value)


def test_a_writer_that_never_ends_is_reported_instead_of_waited_for(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qhub_hub.identity.database.BUSY_SECONDS", 0.1)
    path = tmp_path / "ids.sqlite"
    store = opened(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreUnavailable, match="held by another process"):
            store.user("ann")
        other.execute("rollback")
    assert store.user("ann").uid == 100_000


def test_a_full_disk_loses_nothing_that_was_given(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "ids.sqlite"
    store = opened(f"sqlite:///{path}")
    ann = store.user("ann")
    with store._database.writing() as connection:
        # The limit belongs to this connection, which the pool hands out again.
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StoreUnavailable, match="disk is full"):
        store.users({f"user{n}": None for n in range(2000)})
    store.close()
    assert opened(f"sqlite:///{path}").records() == (ann,)


def test_the_database_file_is_its_owners_alone(tmp_path: Path, opened: Opener) -> None:
    opened(f"sqlite:///{tmp_path}/ids.sqlite").user("ann")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_an_old_backup_is_recognised_by_the_mark_on_the_share(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "ids.sqlite"
    store = opened(f"sqlite:///{path}", realm="r")
    store.user("ann")
    mark = check_high_water(store.high_water, HighWater("r"))
    assert mark == HighWater("r", 100_000, 0)
    with pytest.raises(HighWaterMismatch, match=r"go up to 100020.*counted to 100000 only.*rebuild"):
        check_high_water(mark, HighWater("r", 100_020, 0))
    with pytest.raises(RealmMismatch, match=r"'other'.*'r'"):
        check_high_water(mark, HighWater("other", 0, 0))


def test_every_error_is_one_that_callers_catch_as_an_identity_error() -> None:
    for error in (IdConflict, RangeExhausted, RealmMismatch, StoreUnavailable, HighWaterMismatch):
        assert issubclass(error, IdentityError)


def test_importing_the_room_loads_no_database_and_no_c_library() -> None:
    code = "import qhub_hub.identity, sys; print(sorted({'sqlalchemy', 'cffi', '_cffi_backend'} & sys.modules.keys()))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert answer.stdout.strip() == "[]"

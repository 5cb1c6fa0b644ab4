"""From a signed-in name and the values file to one Identity."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.identity import (
    IdConflict,
    IdentityError,
    Memberships,
    PreviewStore,
    claim_declared,
    identity_of,
    nss,
    peers_of,
    render_group,
    render_passwd,
    view_of,
)

from .conftest import Opener, steady

VALUES: dict[str, Any] = {
    "users": {
        "ann": {"groups": ["data"], "displayName": "Ann: the\nboss", "uid": 5000},
        "root2": {"admin": True},
    },
    "groups": {
        "data": {"members": ["bob"], "gid": 4000},
        "gpu": {"members": ["ann"], "sharedFolder": False},
        "all": {"everyone": True},
        "admins": {"admin": True, "members": ["zoe"]},
        "/teamA/research": {},
        "/teamB/research": {},
    },
}
CONFIG = Memberships(Config.model_validate(VALUES))


def test_groups_come_from_both_sides_of_the_values_file_and_declared_ids_win() -> None:
    ann = identity_of(CONFIG, PreviewStore(), "ann", home_root="/srv/home")
    assert ann.group_names == {"data", "gpu", "all"}
    assert (ann.uid, ann.gid, ann.home, ann.directory) == (5000, 5000, "/srv/home/ann", "ann")
    assert ann.gids == tuple(sorted(ann.gids))
    assert {group.name: group.directory for group in ann.groups} == {"data": "data", "gpu": "", "all": "all"}
    assert 4000 in ann.gids


def test_a_full_name_that_would_end_a_passwd_field_does_not_keep_its_owner_from_working() -> None:
    ann = identity_of(CONFIG, PreviewStore(), "ann")
    assert ann.gecos == "Ann  the boss"
    assert "Ann  the boss" in render_passwd(view_of(ann))


@pytest.mark.parametrize(
    ("name", "provided", "groups", "admin"),
    [
        ("eve", [], {"all"}, False),
        ("eve", ["data", "staff", "root", "undeclared"], {"all", "data"}, False),
        ("eve", ["/teamA/research"], {"all", "/teamA/research"}, False),
        ("eve", ["admins"], {"all", "admins"}, True),
        ("zoe", [], {"all", "admins"}, True),
        ("root2", [], {"all"}, True),
    ],
    ids=["stranger", "undeclared groups are inert", "full paths", "admin by provider", "by group", "by name"],
)
def test_only_declared_groups_of_the_provider_count(
    name: str, provided: list[str], groups: set[str], admin: bool
) -> None:
    identity = identity_of(CONFIG, PreviewStore(), name, provided)
    assert (identity.group_names, identity.admin) == (groups, admin)


def test_two_teams_with_a_group_of_one_name_share_nothing() -> None:
    store = PreviewStore()
    one, two = (identity_of(CONFIG, store, f"p{t}", [f"/team{t}/research"]) for t in "AB")
    assert not ({group.gid for group in one.groups} & {group.gid for group in two.groups} - {70_000, 70_001})
    folders = {group.directory for person in (one, two) for group in person.groups}
    assert len(folders) == 3


@steady
@given(st.lists(st.sampled_from([*VALUES["groups"], "x", "/data", "DATA", "root"]), max_size=6))
def test_nobody_ever_gets_a_group_that_was_not_given(provided: list[str]) -> None:
    identity = identity_of(CONFIG, PreviewStore(), "eve", provided)
    assert identity.group_names <= {"all"} | (set(provided) & set(VALUES["groups"]))


@pytest.mark.parametrize("name", ["root", "../ann", "a:b"])
def test_a_name_that_can_not_be_used_is_an_identity_error(name: str) -> None:
    with pytest.raises(IdentityError, match=r"\.$"):
        identity_of(CONFIG, PreviewStore(), name)


def test_declared_ids_are_claimed_before_a_stranger_could_get_them(url: str, opened: Opener) -> None:
    config = Memberships(Config.model_validate({"users": {"bob": {"uid": 100_000}}}))
    store = opened(url)
    assert claim_declared(config, store) == ()
    assert identity_of(config, store, "eve").uid == 100_001
    assert identity_of(config, store, "bob").uid == 100_000


def test_one_wrong_declared_id_is_named_and_everybody_else_gets_theirs(url: str, opened: Opener) -> None:
    store = opened(url)
    store.user("carl", 5000)
    values = {"users": {"ann": {"uid": 5000}, "bob": {"uid": 5001}}, "groups": {"data": {"gid": 5001}}}
    config = Memberships(Config.model_validate(values))
    problems = claim_declared(config, store)
    assert ["'ann'" in problems[0] and "'carl'" in problems[0], "'data'" in problems[1]] == [True, True]
    assert identity_of(config, store, "bob").uid == 5001
    with pytest.raises(IdConflict):
        identity_of(config, store, "ann")


def test_the_preview_decides_like_the_database(url: str, opened: Opener) -> None:
    store, preview = opened(url), PreviewStore()
    for source in (store, preview):
        claim_declared(CONFIG, source)
    asked = [("ann", ["gpu"]), ("Ann Lee", []), ("data", ["/teamA/research"]), ("zoe", []), ("ann", [])]
    for name, provided in asked:
        assert identity_of(CONFIG, store, name, provided) == identity_of(CONFIG, preview, name, provided)


def test_a_view_names_co_members_and_nobody_else() -> None:
    store = PreviewStore()
    ann, bob, _eve = (identity_of(CONFIG, store, name) for name in ("ann", "bob", "eve"))
    peers = peers_of(CONFIG, store, ann)
    assert [peer.record.name for peer in peers] == ["bob"]
    passwd, group = render_passwd(view_of(ann, peers)), render_group(view_of(ann, peers))
    assert f"bob:x:{bob.uid}:{bob.uid}::/home/bob:/usr/sbin/nologin\n" in passwd
    assert "data:x:4000:ann,bob\n" in group
    assert "gpu:x:70001:ann\n" in group or "gpu:x:70000:ann\n" in group
    assert "eve" not in passwd + group
    assert "research" not in group


@pytest.mark.usefixtures("library")
def test_a_view_of_a_huge_group_stays_small_and_every_program_can_read_it(tmp_path: Path) -> None:
    people = [f"user{n:05d}" for n in range(10_000)]
    config = Memberships(Config.model_validate({"groups": {"data": {"members": people}}}))
    store = PreviewStore()
    ann = identity_of(config, store, "user00042")
    assert peers_of(config, store, ann) == ()
    store.users(dict.fromkeys(people))
    peers = peers_of(config, store, ann)
    assert len(peers) == 500
    view = view_of(ann, peers)
    passwd, group = render_passwd(view), render_group(view)
    assert len(passwd) + len(group) < 100_000
    (tmp_path / "passwd").write_text(passwd)
    (tmp_path / "group").write_text(group)
    environment = {
        "LD_PRELOAD": str(nss.find_nss_wrapper()),
        "NSS_WRAPPER_PASSWD": f"{tmp_path}/passwd",
        "NSS_WRAPPER_GROUP": f"{tmp_path}/group",
    }
    code = (
        "import grp, pwd; data = grp.getgrnam('data'); print(grp.getgrgid(data.gr_gid).gr_name,"
        f" '{ann.posix}' in data.gr_mem, len(data.gr_mem), pwd.getpwuid({peers[-1].record.uid}).pw_name)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    name, own, count, peer = answer.stdout.split()
    assert (name, own, peer) == ("data", "True", peers[-1].record.posix)
    assert int(count) > 30

"""What no single key can get wrong alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config import Config
from qhub_hub.config.checks import check, warn
from qhub_hub.config.checks.ids import RESERVED
from qhub_hub.config.problems import show_path

NODES: dict[str, Any] = {"user": {"cpu": 4, "memory": "16Gi"}, "gpu": {"cpu": 8, "memory": "32Gi", "gpu": {"count": 2}}}

PROVIDER_STATES: dict[str, Any] = {"provider": "github", "groups": "provider", "github": {"clientId": "x"}}


def _wrong(section: dict[str, Any]) -> dict[str, str]:
    config = Config.model_validate({"nodeGroups": NODES, **section})
    return {show_path(finding.path): finding.message for finding in check(config)}


def _profile(**keys: Any) -> dict[str, Any]:
    return {"profiles": {"p": keys}}


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "group of a user": (
        {"users": {"ann": {"groups": ["dat"]}}, "groups": {"data": {}}},
        "users.ann.groups[0]",
        "data?",
    ),
    "group of a profile": (_profile(allowedGroups=["x"]), "profiles.p.allowedGroups[0]", "there are no groups"),
    "group of a namespace": (
        {"environments": {"namespaces": {"n": {"allowedGroups": ["x"]}}}},
        "environments.namespaces.n.allowedGroups[0]",
        "no group",
    ),
    "group of a cull rule": ({"culling": {"groups": {"x": {}}}}, "culling.groups.x", "no group"),
    "group that is let in": (
        {"signIn": {"allow": "groups", "allowedGroups": ["data", "dat"]}, "groups": {"data": {}}},
        "signIn.allowedGroups[1]",
        "did you mean data?",
    ),
    "our name of a provider's group": (
        {"signIn": {"groupNames": {"acme/gpu": "gpu"}}},
        'signIn.groupNames."acme/gpu"',
        "no group",
    ),
    "member that the provider has to state": (
        {"signIn": PROVIDER_STATES, "groups": {"data": {"members": ["ann"]}}},
        "groups.data.members",
        "only the provider says",
    ),
    "group of a user that the provider has to state": (
        {"signIn": PROVIDER_STATES, "groups": {"data": {}}, "users": {"ann": {"groups": ["data"]}}},
        "users.ann.groups",
        "only the provider says",
    ),
    "group of a limit": ({"limits": {"groups": {"x": {}}}}, "limits.groups.x", "no group"),
    "uid twice": ({"users": {"a": {"uid": 2000}, "b": {"uid": 2000}}}, "users.b.uid", "qhub.users.a.uid"),
    "gid twice": ({"groups": {"a": {"gid": 2000}, "b": {"gid": 2000}}}, "groups.b.gid", "qhub.groups.a.gid"),
    "gid of a private group": (
        {"users": {"a": {"uid": 2000}}, "groups": {"g": {"gid": 2000}}},
        "groups.g.gid",
        "private group",
    ),
    "systemd's uid": ({"users": {"a": {"uid": 61184}}}, "users.a.uid", "systemd"),
    "nobody's gid": ({"groups": {"a": {"gid": 65534}}}, "groups.a.gid", "nobody"),
    "pools that overlap": (
        {"identity": {"userIds": {"first": 80000, "last": 90000}}},
        "identity.groupIds",
        "overlaps userIds",
    ),
    "pool with reserved ids": (
        {"identity": {"groupIds": {"first": 60000, "last": 62000}}},
        "identity.groupIds",
        "choose another",
    ),
    "node group": (_profile(nodeGroup="usr"), "profiles.p.nodeGroup", "did you mean user?"),
    "too many cores": (
        _profile(cpu={"guarantee": 4}),
        "profiles.p.cpu.guarantee",
        "4 cores; a node of user can give 3.8",
    ),
    "too much memory": (_profile(memory={"limit": "16Gi"}), "profiles.p.memory.limit", "can give 15.5 GiB"),
    "too large a choice": (
        _profile(options={"sizes": {"xl": {"memory": {"guarantee": "64Gi"}}}}),
        "profiles.p.options.sizes.xl.memory.guarantee",
        "64 GiB",
    ),
    "accelerators where there are none": (_profile(gpu=1), "profiles.p.gpu", "has none"),
    "more accelerators than a node has": (_profile(gpu=3, nodeGroup="gpu"), "profiles.p.gpu", "has 2"),
    "key of a profile": ({"profiles": {"Big One": {}}}, 'profiles."Big One"', "not allowed"),
    "key with a line feed": ({"profiles": {"big\n": {}}}, 'profiles."big\\n"', "not allowed"),
    "key of a node group": ({"nodeGroups": {**NODES, "a_b": {}}}, "nodeGroups.a_b", "not allowed"),
    "key of an image": (
        _profile(options={"images": {"A": {"image": "x"}}}),
        "profiles.p.options.images.A",
        "not allowed",
    ),
    "namespace as a path": (
        {"environments": {"namespaces": {"..": {}}}},
        'environments.namespaces.".."',
        "not allowed",
    ),
    "name of a user": ({"users": {"a:b": {}}}, 'users."a:b"', "':'"),
    "name of a group": ({"groups": {"a/../b": {}}}, 'groups."a/../b"', "'..'"),
    "name below limits": ({"limits": {"users": {"a/b": {}}}}, 'limits.users."a/b"', "'/'"),
    "variable of the loader": (_profile(env={"LD_PRELOAD": "x"}), "profiles.p.env.LD_PRELOAD", "may not be set"),
    "variable of the hub": (_profile(env={"JUPYTERHUB_USER": "x"}), "profiles.p.env.JUPYTERHUB_USER", "may not"),
    "variable of the names": (_profile(env={"NSS_WRAPPER_PASSWD": "x"}), "profiles.p.env.NSS_WRAPPER_PASSWD", "who"),
    "illegal variable": (_profile(env={"1A": "x"}), "profiles.p.env.1A", "not the name"),
    "variable with an end": (_profile(env={"A": "x\0y"}), "profiles.p.env.A", "NUL"),
}


@pytest.mark.parametrize(("section", "path", "words"), CASES.values(), ids=CASES.keys())
def test_a_contradiction_is_found_at_its_key(section: dict[str, Any], path: str, words: str) -> None:
    wrong = _wrong(section)
    assert list(wrong) == [path]
    assert words in wrong[path]


@pytest.mark.parametrize(
    "section",
    [
        _profile(allowedUsers=["nobody-listed"]),
        {"groups": {"g": {"members": ["somebody"]}}, "culling": {"users": {"x": {}}}, "limits": {"users": {"x": {}}}},
        {"users": {"a": {"uid": 100_001}}, "groups": {"g": {"gid": 70_001}}},
        _profile(share="1", nodeGroup="gpu", gpu=2),
        _profile(cpu={"guarantee": 1, "limit": 64}),
        _profile(cpu={"guarantee": 64}, options={"sizes": {"s": {"share": "1/2"}}}),
        {"nodeGroups": {"user": {}}, **_profile(cpu={"guarantee": 64})},
        _profile(env={"OMP_NUM_THREADS": "2", "_x": "", "PATHS": "y"}),
    ],
    ids=[
        "people",
        "more people",
        "ids in pools",
        "whole node",
        "limit",
        "own size unused",
        "unknown size",
        "variables",
    ],
)
def test_what_is_fine_is_not_complained_about(section: dict[str, Any]) -> None:
    assert _wrong(section) == {}


@given(st.integers(1001, 2**31 - 1))
def test_a_declared_id_is_refused_exactly_where_it_belongs_to_the_system(number: int) -> None:
    reserved = any(first <= number <= last for first, last, _ in RESERVED)
    assert bool(_wrong({"users": {"ann": {"uid": number}}})) == reserved


@pytest.mark.parametrize(
    ("section", "warned"),
    [
        ({"users": {"ann": {}}, "profiles": {}}, True),
        ({"users": {"ann": {}}, **_profile(allowedUsers=["bob"])}, True),
        ({"users": {"ann": {}}, **_profile()}, False),
        ({"users": {"ann": {}}, **_profile(allowedUsers=["ann"])}, False),
        ({"users": {"ann": {"groups": ["g"]}}, "groups": {"g": {}}, **_profile(allowedGroups=["g"])}, False),
        ({"users": {"ann": {}}, "groups": {"g": {"members": ["ann"]}}, **_profile(allowedGroups=["g"])}, False),
        ({"users": {"ann": {}}, "groups": {"g": {"everyone": True}}, **_profile(allowedGroups=["g"])}, False),
    ],
)
def test_a_declared_person_without_any_profile_is_a_warning(section: dict[str, Any], warned: bool) -> None:
    found = [show_path(finding.path) for finding in warn(Config.model_validate(section))]
    assert found == (["users.ann"] if warned else [])

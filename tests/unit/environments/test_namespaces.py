"""Whose namespace is whose: two names never meet, and who may see what follows the values file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.environments import group_namespace, user_namespace
from qhub_hub.environments.audience import Audience, audience
from qhub_hub.environments.manifest import NAMESPACE
from qhub_hub.identity.model import Group, Identity
from qhub_hub.sessions.catalogue import own_namespaces

# Hostile to slugs: names that become others when letters are lost.
tricky = st.text(st.sampled_from("ab-./_ @+é0A"), min_size=1, max_size=12)


@given(st.lists(tricky | st.text(min_size=1, max_size=300), unique=True, min_size=2, max_size=6))
def test_two_names_never_share_a_namespace(names: list[str]) -> None:
    spaces = {*map(group_namespace, names), *map(user_namespace, names)}
    assert len(spaces) == 2 * len(names)
    assert all(NAMESPACE.fullmatch(space) for space in spaces)


def test_nobody_can_call_themselves_into_a_group_or_into_another() -> None:
    assert group_namespace("data") == "group-data"
    assert user_namespace("group-data") == "user-group-data"
    assert user_namespace("jane.doe") != user_namespace("janeXdoe") != user_namespace("jane-doe")
    hashed = user_namespace("jane.doe").removeprefix("user-")
    assert user_namespace(hashed) != user_namespace("jane.doe")


CONFIG = Config.model_validate(
    {
        "users": {"ann": {}},
        "groups": {"data": {}, "/lab/gpu": {}},
        "environments": {"namespaces": {"geo": {"allowedGroups": ["data"]}, "open": {}, "user-bob": {}}},
    }
)


@pytest.mark.parametrize(
    ("namespace", "seen_by", "said"),
    [
        ("global", Audience(True), "everybody"),
        ("open", Audience(True), "everybody"),
        ("geo", Audience(groups=("data",)), "members of data"),
        ("group-data", Audience(groups=("data",)), "members of data"),
        (group_namespace("/lab/gpu"), Audience(groups=("/lab/gpu",)), "members of /lab/gpu"),
        ("user-ann", Audience(users=("ann",)), "ann"),
        ("user-bob", Audience(True), "everybody"),
        ("group-nobody", Audience(), "nobody: the namespace is not declared"),
        ("else", Audience(), "nobody: the namespace is not declared"),
    ],
)
def test_the_values_say_who_sees_a_namespace(namespace: str, seen_by: Audience, said: str) -> None:
    assert audience(CONFIG, namespace) == seen_by
    assert str(audience(CONFIG, namespace)) == said


@pytest.mark.parametrize("groups", [(), ("data",), ("/lab/gpu",), ("data", "/lab/gpu")], ids=repr)
def test_a_person_sees_what_the_file_system_lets_them_read(groups: tuple[str, ...]) -> None:
    members = tuple(Group(name, name.strip("/").replace("/", "-"), 70_000 + i) for i, name in enumerate(groups))
    ann = Identity("ann", "ann", 100_000, 100_000, members, directory="ann", home="/home/ann")
    every = (
        "global",
        "open",
        "geo",
        "group-data",
        group_namespace("/lab/gpu"),
        "user-ann",
        "user-bob",
        "user-eve",
        "x",
    )
    for namespace in every:
        who = audience(CONFIG, namespace)
        readable = who.everybody or "ann" in who.users or not set(groups).isdisjoint(who.groups)
        assert (namespace in own_namespaces(CONFIG, ann)) == readable, namespace

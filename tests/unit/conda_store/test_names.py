"""Names that conda-store would misread are no names here."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.conda_store.names import is_slug, slug_problem
from qhub_hub.conda_store.rights import Rights, rights_of
from qhub_hub.environments import group_namespace, user_namespace


@pytest.mark.parametrize("name", ["user-ann", "a", "0", "group-data-0123456789ab", "a" * 63])
def test_a_slug_is_a_name(name: str) -> None:
    assert is_slug(name)
    assert slug_problem("namespace", name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a_b",
        "a.b",
        "a+b",
        "A",
        "a*",
        "*",
        "%",
        "a%",
        "-a",
        "a-",
        "a/b",
        "a b",
        "a\n",
        "a" * 64,
        "é",
        "a$",
        "^a",
        "?",
    ],
    ids=repr,
)
def test_everything_else_is_refused_in_a_sentence(name: str) -> None:
    assert not is_slug(name)
    assert "allowed are 1 to 63 small letters" in slug_problem("environment", name)


@given(st.text(max_size=80))
def test_every_person_and_group_has_a_namespace_that_is_a_slug(name: str) -> None:
    assert is_slug(user_namespace(name))
    assert is_slug(group_namespace(name))


@given(st.lists(st.text(alphabet="ab.*_-%+/?$", max_size=6)), st.lists(st.text(max_size=6)))
def test_rights_hold_no_pattern_whatever_the_hub_says(build: list[str], see: list[str]) -> None:
    bindings = Rights(False, "user-a", tuple(build), tuple(see)).bindings()
    assert all(re.fullmatch(r"[a-z0-9-]+/\*", pattern) for pattern in bindings)
    assert {role for roles in bindings.values() for role in roles} <= {"viewer", "developer"}


def test_whoever_may_build_somewhere_is_its_developer_and_only_administrators_are_more() -> None:
    answer = {"admin": False, "home": "user-a", "build": ["user-a"], "see": ["global", "user-a"]}
    assert rights_of(answer).bindings() == {"global/*": ["viewer"], "user-a/*": ["developer"]}
    assert rights_of({**answer, "admin": True}).bindings() == {"*/*": ["admin"]}
    assert rights_of({**answer, "admin": "yes"}).bindings() != {"*/*": ["admin"]}
    for wrong in ({}, {**answer, "see": "global"}, {**answer, "build": None}):
        with pytest.raises((KeyError, TypeError)):
            rights_of(wrong)

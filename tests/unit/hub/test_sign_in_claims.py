"""Groups out of a provider's answer: strict, whatever the answer is."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.hub.sign_in.claims import MOST_GROUPS, groups_at
from qhub_hub.hub.sign_in.refusals import BadAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["groups", "a", "b.c"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"groups": ["a", "b"]}, ["groups"]),
        ({"realm": {"hub": {"roles": ["a", "b"]}}}, ["realm", "hub", "roles"]),
        ({"https://example.org/groups": ["a", "b"]}, ["https://example.org/groups"]),
        ({"a.b": {"c": ["a", "b", "a"]}}, ["a.b", "c"]),
    ],
    ids=["flat", "path", "url", "dots"],
)
def test_a_claim_is_found_by_its_exact_keys(claims: dict[str, Any], path: list[str]) -> None:
    assert groups_at(claims, path) == {"a", "b"}


def test_nobody_is_in_a_group_twice_because_of_how_an_accent_is_written() -> None:
    assert groups_at({"g": [unicodedata.normalize("NFD", "Zürich")]}, ["g"]) == {"Zürich"}


def test_no_groups_is_an_empty_list_and_nothing_else() -> None:
    assert groups_at({"groups": []}, ["groups"]) == frozenset()
    for found in (None, "", {}, 0, False, [None], [["a"]]):
        with pytest.raises(BadAnswer):
            groups_at({"groups": found}, ["groups"])


def test_a_flood_of_groups_is_refused() -> None:
    with pytest.raises(BadAnswer, match="at most 5000"):
        groups_at({"groups": [str(number) for number in range(MOST_GROUPS + 1)]}, ["groups"])


@given(JSON, st.lists(st.sampled_from(["groups", "a", "b.c"]), min_size=1, max_size=3))
def test_any_answer_gives_names_that_it_lists_or_a_refusal(claims: Any, path: list[str]) -> None:
    try:
        found = groups_at(claims, path)
    except BadAnswer:
        return
    for key in path:
        claims = claims[key]
    assert isinstance(claims, list)
    assert len(found) <= len(claims)

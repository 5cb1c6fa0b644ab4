import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.sessions.labels import label_value

# Source: kubernetes.io/docs/concepts/overview/working-with-objects/labels
LEGAL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


@pytest.mark.parametrize("name", ["ann", "ann.b", "Ann_B", "x" * 63, "g-1"])
def test_a_legal_name_stays_readable(name):
    assert label_value(name) == name


@pytest.mark.parametrize(
    "name",
    ["ann@example.org", "/teamA/research", "Jörg", "日本", "x" * 64, "-ann", "ann.", "", " ", "ann---0123456789"],
    ids=str,
)
def test_other_names_get_a_legal_value_of_their_own(name):
    value = label_value(name)
    assert LEGAL.fullmatch(value)
    assert 0 < len(value) <= 63
    assert value != name


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_names_never_share_a_value(one, other):
    values = label_value(one), label_value(other)
    assert all(LEGAL.fullmatch(value) and len(value) <= 63 for value in values)
    assert (values[0] == values[1]) == (one == other)


@given(st.text(max_size=70))
def test_nobody_can_be_named_as_another_is_labelled(name):
    value = label_value(name)
    assert value == name or label_value(value) != value

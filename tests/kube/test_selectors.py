"""Selectors and patches against plain readings of the same rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.testing.kube.errors import ApiError
from qhub_hub.testing.kube.patches import MERGE, STRATEGIC, apply_patch
from qhub_hub.testing.kube.quantities import quantity, show
from qhub_hub.testing.kube.selectors import label_selector

LABELS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "x", "y", "z"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(labels=LABELS, wanted=LABELS)
def test_equality_selects_exactly_the_objects_that_carry_all_labels(
    labels: dict[str, str], wanted: dict[str, str]
) -> None:
    selector = label_selector(",".join(f"{key}={value}" for key, value in wanted.items()))
    assert selector({"metadata": {"labels": labels}}) == (wanted.items() <= labels.items())


@given(labels=LABELS, key=st.sampled_from("abcd"), values=st.sets(st.sampled_from(["x", "y", "z"]), min_size=1))
def test_in_and_notin_are_opposites(labels: dict[str, str], key: str, values: set[str]) -> None:
    obj = {"metadata": {"labels": labels}}
    listed = ", ".join(values)
    assert label_selector(f"{key} in ({listed})")(obj) == (labels.get(key) in values)
    assert label_selector(f"{key} notin ({listed})")(obj) != label_selector(f"{key} in ({listed})")(obj)


@given(st.text(max_size=20))
def test_any_text_is_a_selector_or_a_refusal(text: str) -> None:
    try:
        label_selector(text)({"metadata": {}})
    except ApiError as error:
        assert error.code == 400  # noqa: PT017 - either outcome is right


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return value


@given(old=OBJECTS, patch=OBJECTS)
def test_a_merge_patch_wins_where_it_speaks_and_keeps_the_rest(old: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr(old)
    merged = apply_patch(old, patch, MERGE)
    assert repr(old) == before
    for key, value in old.items():
        if key not in patch:
            assert merged[key] == value
    for key, value in patch.items():
        if value is None:
            assert key not in merged
        elif not isinstance(value, dict):
            assert merged[key] == value
    assert apply_patch(merged, patch, MERGE) == merged


@given(OBJECTS)
def test_a_patch_of_nothing_gives_the_same(old: dict[str, Any]) -> None:
    assert apply_patch(old, {}, STRATEGIC) == old


def test_a_strategic_patch_removes_one_item_of_a_list() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    patch = {"env": [{"name": "A", "$patch": "delete"}, {"name": "C", "value": "3"}]}
    assert apply_patch(old, patch, STRATEGIC) == {"env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]}


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", "0.5"), ("2", "2"), ("1.5Gi", "1610612736"), ("1e3", "1000"), ("128974848", "128974848"), ("1k", "1000")],
)
def test_a_quantity_is_its_number(text: str, number: str) -> None:
    assert quantity(text) == quantity(number)


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1gb", "--1", "1ki", True, None])
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantity(text)


@given(st.integers(0, 2**50), st.booleans())
def test_a_shown_amount_reads_back_as_the_same(amount: int, binary: bool) -> None:
    assert quantity(show(quantity(amount), binary)) == amount

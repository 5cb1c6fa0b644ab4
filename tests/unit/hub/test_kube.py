from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.hub.kube import braced, extended

VALUES = st.recursive(
    st.text(alphabet="{}a!:[]", max_size=8) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def formatted(value: Any) -> Any:
    """What KubeSpawner makes of a trait."""
    if isinstance(value, str):
        return value.format(username="ann")
    if isinstance(value, dict):
        return {key: formatted(part) for key, part in value.items()}
    return [formatted(part) for part in value] if isinstance(value, list) else value


@given(VALUES)
def test_what_a_plan_says_comes_out_of_kubespawner_unchanged(value: Any) -> None:
    assert formatted(braced(value)) == value


def test_a_sites_list_and_a_sites_map_both_grow() -> None:
    assert extended([{"a": 1}], [{"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert extended({"mine": {"a": 1}}, [{"b": 2}]) == {"mine": {"a": 1}, "qhub-0": {"b": 2}}


def test_what_the_site_set_is_not_changed_in_place() -> None:
    site: dict[str, Any] = {"mine": {"a": 1}}
    extended(site, [{"b": 2}])
    assert site == {"mine": {"a": 1}}

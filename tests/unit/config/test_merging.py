"""Several files are one, and every value still knows its own."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config import load_values
from qhub_hub.config.merging import merge, over_defaults
from qhub_hub.config.problems import Position
from qhub_hub.config.reading import parse
from qhub_hub.config.tree import Tree, plain, where

keys = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(keys, values, max_size=3)


def _tree(value: object, file: str = "f") -> Tree:
    here = Position(file, 1)
    if isinstance(value, dict):
        return Tree({key: _tree(child, file) for key, child in value.items()}, here, dict.fromkeys(value, here))
    if isinstance(value, list):
        return Tree([_tree(child, file) for child in value], here)
    return Tree(value, here)  # type: ignore[arg-type]


def test_maps_merge_lists_replace_and_a_null_takes_a_default_back() -> None:
    defaults = parse("m: {a: 1, b: {c: 2, d: 3}}\nl: [1, 2]\nk: 5\n", "chart")
    chosen = parse("m: {b: {c: null, e: 4}}\nl: [3]\nk: null\nnew: null\n", "mine")
    assert plain(over_defaults(defaults, chosen)) == {"m": {"a": 1, "b": {"d": 3, "e": 4}}, "l": [3], "new": None}


def test_a_null_in_one_file_is_overwritten_by_a_map_in_the_next() -> None:
    first, second = parse("m: null\n", "a"), parse("m: {x: 1}\n", "b")
    assert plain(over_defaults(parse("m: {z: 2}\n", "chart"), merge(first, second))) == {"m": {"z": 2, "x": 1}}


def test_every_leaf_names_the_file_it_comes_from() -> None:
    tree = merge(parse("m:\n  a: 1\n  b: 2\n", "one"), parse("\nm: {b: 3}\n", "two"))
    assert str(where(tree, ("m", "a"))) == "one:2"
    assert str(where(tree, ("m", "b"))) == "two:2"


@given(maps, maps)
def test_merging_changes_no_file_and_a_file_over_itself_or_nothing_is_itself(a: dict, b: dict) -> None:
    one, two = _tree(a), _tree(b)
    merged = merge(one, two)
    assert plain(merge(merged, two)) == plain(merged)
    assert plain(merge(one, one)) == plain(merge(_tree({}), one)) == plain(merge(one, _tree({}))) == a
    assert (plain(one), plain(two)) == (a, b)


def test_a_later_file_takes_back_a_profile_of_an_earlier_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("qhub: {profiles: {mine: {displayName: Mine}}}\n")
    two.write_text("qhub: {profiles: {mine: null, small: null}}\n")
    values = load_values(one, two)
    assert not {"mine", "small"} & values.qhub.profiles.keys()
    assert values.warnings == ()


def test_an_entry_with_nothing_behind_it_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("qhub:\n  users:\n    ann:\n    bob: {}\n")
    values = load_values(path)
    assert set(values.qhub.users) == {"bob"}
    assert [str(warning) for warning in values.warnings] == [
        f"{path}:3: qhub.users.ann: is empty and so left out; write {{}} to keep it"
    ]

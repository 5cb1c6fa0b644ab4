"""Layers: every file in exactly one, the same ones on every day, and few that change with a package."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments.oci.layers import MOST, LayerPlan, Package, module_of, plan_layers
from qhub_hub.environments.oci.prefix import FILE, FOLDER, LINK, Entry

MIB = 2**20
paths = st.from_regex(r"[a-d](/[a-d]){0,3}", fullmatch=True)
entries = st.builds(
    Entry, paths, st.sampled_from([FILE, FOLDER, LINK]), st.integers(0, 3 * MIB), st.booleans(), st.just("")
)
environments = st.lists(entries, unique_by=lambda entry: entry.path, max_size=40)
packages = st.lists(
    st.builds(Package, st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.just("1"), st.frozensets(paths, max_size=8)),
    unique_by=lambda package: package.name,
    max_size=20,
)


def contents(plans: tuple[LayerPlan, ...]) -> list[str]:
    return [entry.path for plan in plans for entry in plan.entries]


@given(environments, packages, st.integers(0, 90))
def test_everything_is_in_exactly_one_layer(listed: list[Entry], installed: list[Package], base: int) -> None:
    plans = plan_layers(listed, installed, base)
    assert sorted(contents(plans)) == sorted(entry.path for entry in listed)
    assert all(plan.entries for plan in plans)
    assert len(plans) + base < MOST


@given(st.randoms(use_true_random=False), environments, packages)
def test_the_order_in_which_files_and_packages_come_does_not_matter(random, listed, installed) -> None:
    before = plan_layers(listed, installed)
    random.shuffle(listed)
    random.shuffle(installed)
    assert plan_layers(listed, installed) == before


def many(count: int, size: int) -> tuple[list[Entry], list[Package]]:
    listed = [Entry(f"lib/p{number}", FILE, size) for number in range(count)]
    return listed, [Package(f"p{number}", "1", frozenset([f"lib/p{number}"])) for number in range(count)]


@given(st.integers(1, 80), st.data())
def test_a_package_that_changes_changes_its_own_layer_and_no_other(count: int, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1000, MIB]))
    listed, installed = many(count, size)
    number = data.draw(st.integers(0, count - 1))
    changed = [replace(one, executable=True) if place == number else one for place, one in enumerate(listed)]
    before, after = plan_layers(listed, installed), plan_layers(changed, installed)
    assert len(set(after) - set(before)) == 1


@given(st.integers(1, 80), st.integers(0, 2**32))
def test_a_package_that_comes_changes_at_most_what_it_joins_and_what_it_pushes_out(count: int, seed: int) -> None:
    listed, installed = many(count, MIB + count)
    new = Package(f"new{seed}", "1", frozenset(["lib/new"]))
    before = plan_layers(listed, installed)
    after = plan_layers([*listed, Entry("lib/new", FILE, 2 * MIB)], [*installed, new])
    # Its own, and the group of the one that is not among the largest any more.
    assert len(set(after) - set(before)) <= 2


def test_large_packages_come_by_themselves_and_what_nobody_lists_comes_last() -> None:
    listed = [
        Entry("bin/large", FILE, 9 * MIB),
        Entry("lib/tiny", FILE, 10),
        Entry("conda-meta/large.json", FILE, 9 * MIB),
        Entry("empty", FOLDER),
    ]
    installed = [Package("tiny", "2", frozenset(["lib/tiny"])), Package("large", "1.5", frozenset(["bin/large"]))]
    titles = [(plan.title, [entry.path for entry in plan.entries]) for plan in plan_layers(listed, installed)]
    assert titles == [
        ("large 1.5", ["bin/large"]),
        ("tiny", ["lib/tiny"]),
        ("what no package lists", ["conda-meta/large.json", "empty"]),
    ]


def test_bytecode_goes_with_its_module() -> None:
    listed = [Entry("lib/a/m.py", FILE, MIB), Entry("lib/a/__pycache__/m.cpython-311.pyc", FILE, 10)]
    (plan,) = plan_layers(listed, [Package("a", "1", frozenset(["lib/a/m.py"]))])
    assert len(plan.entries) == 2


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("a/__pycache__/m.cpython-311.pyc", "a/m.py"),
        ("a/__pycache__/m.cpython-312.opt-1.pyc", "a/m.py"),
        ("__pycache__/m.cpython-311.pyc", "m.py"),
        ("a/m.pyc", ""),
        ("a/__pycache__/m.nbi", ""),
    ],
    ids=["module", "optimized", "at the top", "beside its source", "something else"],
)
def test_a_module_is_found_by_its_bytecode(path: str, module: str) -> None:
    assert module_of(path) == module


def test_of_two_packages_that_list_a_file_one_has_it() -> None:
    listed = [Entry("bin/x", FILE, MIB)]
    both = [Package(name, "1", frozenset(["bin/x"])) for name in ("b", "a")]
    assert [plan.title for plan in plan_layers(listed, both)] == ["a 1"]

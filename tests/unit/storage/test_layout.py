"""The tree of the share, as numbers and names."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.identity.model import Group, Identity
from qhub_hub.storage import (
    Directory,
    directories,
    group_directory,
    home_path,
    namespace_directory,
    shared_path,
)
from qhub_hub.storage.layout import check_planned

ML = Group("/lab/ml", "lab-ml", 70_001, "lab-ml")
ALL = Group("everyone", "everyone", 70_002, "everyone")
SILENT = Group("viewers", "viewers", 70_003)


def person(*groups: Group, directory: str = "ann") -> Identity:
    return Identity("ann", "ann", 100_001, 100_001, groups, directory, "/home/ann")


def test_the_tree_of_one_person_names_every_owner_and_mode() -> None:
    tree = directories(person(ML, ALL, SILENT), frozenset({"everyone"}))
    assert [(d.path, d.uid, d.gid, oct(d.mode)) for d in tree] == [
        (".", 0, 0, "0o755"),
        (".qhub", 0, 0, "0o700"),
        ("home", 0, 0, "0o711"),
        ("home/ann", 100_001, 100_001, "0o700"),
        ("shared", 0, 0, "0o755"),
        ("shared/lab-ml", 0, 70_001, "0o2770"),
        ("shared/everyone", 0, 70_002, "0o3770"),
    ]


@pytest.mark.parametrize(
    ("directory", "fits"),
    [
        (namespace_directory("user-ann"), True),
        (Directory(("environments", "user-ann"), 65533, 65533, 0o775), False),
        (Directory(("environments", "user-ann"), 0, 0, 0o755), False),
        (Directory(("environments", "user-ann", "builds"), 65533, 65533, 0o755), False),
        (Directory(("environments",), 65533, 65533, 0o755), False),
    ],
    ids=["as planned", "open to a group", "root's", "deeper", "all of them"],
)
def test_of_environments_only_a_namespaces_own_folder_may_be_asked_for(directory: Directory, fits: bool) -> None:
    try:
        found = check_planned(directory) == directory
    except ValueError:
        found = False
    assert found is fits


def test_a_group_without_a_shared_folder_has_no_path() -> None:
    with pytest.raises(ValueError, match="viewers has no shared folder"):
        group_directory(SILENT)


def test_paths_on_this_machine_lie_below_the_root() -> None:
    root = Path("/srv/share")
    assert home_path(root, person()) == root / "home/ann"
    assert shared_path(root, ML) == root / "shared/lab-ml"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/", "/etc", "a\0b", ".ssh", ".qhub-new", "é" * 128, "\udcff"],
    ids=[
        "empty",
        "dot",
        "dotdot",
        "slash",
        "root",
        "absolute",
        "nul",
        "hidden",
        "like-ours",
        "long",
        "bytes",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        directories(person(directory=name))
    with pytest.raises(ValueError, match="folder"):
        home_path(Path("/srv"), person(directory=name))
    with pytest.raises(ValueError, match="folder"):
        directories(person(Group("g", "g", 70_001, name or "..")))


@pytest.mark.parametrize("mode", [0o777, 0o2772, 0o4700, 0o1777, 0o10755], ids=oct)
def test_no_folder_may_be_setuid_or_writable_by_everybody(mode: int) -> None:
    with pytest.raises(ValueError, match="mode"):
        Directory(("home",), 0, 0, mode)


@pytest.mark.parametrize(("uid", "gid"), [(-1, 0), (0, -1), (2**31, 0), (0, 2**32 - 1)])
def test_ids_that_linux_reads_as_others_are_refused(uid: int, gid: int) -> None:
    with pytest.raises(ValueError, match="numeric ids"):
        Directory(("home",), uid, gid, 0o700)


@given(st.text(max_size=300))
def test_every_name_is_refused_or_is_one_step_down(name: str) -> None:
    root = Path("/srv/share")
    try:
        path = home_path(root, person(directory=name))
    except ValueError:
        return
    assert path.parent == root / "home"
    assert path.name == name
    assert not name.startswith(".") or name == ".qhub"


@given(st.lists(st.sampled_from([ML, ALL, SILENT]), unique=True), st.booleans())
def test_parents_come_before_their_children(groups: list[Group], everyone: bool) -> None:
    tree = directories(person(*groups), frozenset({"everyone"} if everyone else ()))
    seen: set[tuple[str, ...]] = set()
    for directory in tree:
        assert not directory.parts or directory.parts[:-1] in seen
        seen.add(directory.parts)

"""What people are told of environments that were not built, and what becomes of those that nobody wants any more."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qhub_hub.config.models.environments import Retention
from qhub_hub.environments import FAILED, MANIFEST, Environment, read_manifest, write_manifest
from qhub_hub.environments import upkeep as module
from qhub_hub.environments.builds import Build, BuildError, Builds
from qhub_hub.environments.garbage import collect
from qhub_hub.environments.personal import Wishes
from qhub_hub.environments.records import ENDED
from qhub_hub.environments.upkeep import Upkeep
from qhub_hub.singleuser.kernels import EnvironmentKernels

MINE = "user-ann"


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    (tmp_path / MINE).mkdir()
    return Builds(tmp_path)


@pytest.fixture
def upkeep(builds: Builds) -> Upkeep:
    return Upkeep(builds, logging.getLogger("upkeep-test"))


def put(builds: Builds, name: str, digest: str = "a" * 12) -> str:
    with builds.locked(MINE, name):
        key = builds.begin(MINE, name, digest)
        builds.finish(MINE, name, Build(key, "ready"))
        builds.switch(MINE, name, key)
    return key


def told(builds: Builds) -> dict[str, str]:
    return {one.name: one.message for one in read_manifest(builds.root / MINE)}


def test_what_is_wrong_with_a_file_is_said_until_it_is_mended_or_gone(builds: Builds, upkeep: Upkeep) -> None:
    upkeep.settle(Wishes(MINE, (), (("plots", "It is no list."), ("charts", "Neither is this."))), frozenset())
    assert told(builds) == {"plots": "It is no list.", "charts": "Neither is this."}
    assert {one.status for one in read_manifest(builds.root / MINE)} == {FAILED}
    upkeep.settle(Wishes(MINE, (), (("plots", "It is no list."),)), frozenset())
    assert told(builds) == {"plots": "It is no list."}
    put(builds, "plots")
    assert told(builds) == {"plots": ""}


def test_a_file_that_is_mended_to_what_was_built_before_is_no_problem_any_more(builds: Builds, upkeep: Upkeep) -> None:
    put(builds, "plots")
    upkeep.settle(Wishes(MINE, (), (("plots", "It is no list."),)), frozenset())
    assert told(builds) == {"plots": "It is no list."}
    upkeep.settle(Wishes(MINE), frozenset({f"{MINE}/plots"}))
    assert told(builds) == {"plots": ""}


def test_an_environment_goes_a_while_after_its_file(
    builds: Builds, upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(builds, "plots")
    upkeep.settle(Wishes(MINE), frozenset())
    assert list(told(builds)) == ["plots"], "an editor may have taken it away for a moment"
    assert upkeep.waits
    monkeypatch.setattr(module, "_GONE_AFTER", timedelta())
    upkeep.settle(Wishes(MINE), frozenset())
    assert told(builds) == {}
    assert not upkeep.waits


def test_what_a_killed_build_left_is_removed_and_said(builds: Builds) -> None:
    key = put(builds, "plots")
    with builds.locked(MINE, "plots"):
        half = builds.begin(MINE, "plots", "b" * 12)
    (builds.folder(MINE, "plots") / half / "bin").mkdir()
    builds.note_abandoned(MINE, "plots")
    assert told(builds) == {"plots": ENDED}
    assert builds.current(MINE, "plots") == key
    assert not (builds.folder(MINE, "plots") / half).exists()
    with builds.locked(MINE, "plots"), pytest.raises(BuildError, match="is being built already"):
        builds.note_abandoned(MINE, "plots")


def test_the_time_of_a_build_that_is_kept_counts_from_when_it_was_last_in_force(builds: Builds) -> None:
    first, second = put(builds, "plots"), put(builds, "plots", "b" * 12)
    folder = builds.folder(MINE, "plots")
    before = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    for key in (first, second):
        os.utime(folder / f"{key}.json", (before, before))
    keep = Retention(keep_builds=1, grace=7 * 86400)
    third = put(builds, "plots", "c" * 12)
    assert collect(builds, MINE, "plots", keep) == (first,), "the second was in force until just now"
    assert {build.key for build in builds.records(MINE, "plots")} == {second, third}


def test_people_find_the_reason_behind_a_kernel_of_their_own_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for namespace in (MINE, "global"):
        folder = tmp_path / namespace
        folder.mkdir()
        write_manifest(folder, (Environment(namespace, "plots", "", FAILED, message="nosuch is in none."),))
    folders = [tmp_path / MINE, tmp_path / "global", tmp_path / "group-new"]
    monkeypatch.setenv("QHUB_ENVIRONMENTS", ":".join(map(str, folders)))
    manager = EnvironmentKernels()
    shown = {name: one["spec"] for name, one in manager.get_all_specs().items() if name.startswith("env--")}
    assert [one["display_name"] for one in shown.values()] == ["plots (yours), not built: start this to see why"]
    with pytest.raises(Exception, match=r"nosuch is in none\."):
        manager.get_kernel_spec(next(iter(shown)))
    with pytest.raises(Exception, match=r"Stop it .* and start it anew"):
        manager.get_kernel_spec("env--group-new--late--python3")
    assert (tmp_path / MINE / MANIFEST).exists()

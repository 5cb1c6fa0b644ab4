"""Builds on disk: what is half or damaged counts for nothing, and the manifest says what is in force."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qhub_hub.config.models.environments import Retention
from qhub_hub.environments import MANIFEST, read_manifest
from qhub_hub.environments.access import Access, open_to
from qhub_hub.environments.builds import Build, BuildError, Builds
from qhub_hub.environments.contents import contents_of
from qhub_hub.environments.garbage import collect
from qhub_hub.environments.reconcile import is_due
from qhub_hub.environments.specification import Specification

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def put(builds: Builds, name: str = "one", digest: str = "a" * 12, status: str = "ready", switch: bool = True) -> str:
    with builds.locked("global", name):
        key = builds.begin("global", name, digest)
        (builds.folder("global", name) / f"{key}.log").touch()
        builds.finish("global", name, Build(key, status, "" if status == "ready" else "It failed."))
        if switch:
            builds.switch("global", name, key)
        else:
            builds.publish("global", name)
    return key


def test_builds_have_an_order_however_fast_they_follow(builds: Builds) -> None:
    keys = [put(builds, digest=digit * 12) for digit in "fa0c"]
    assert [build.key for build in builds.records("global", "one")] == keys
    assert builds.current("global", "one") == keys[-1]


def test_without_its_record_a_build_is_not_in_force(builds: Builds) -> None:
    key = put(builds)
    (builds.folder("global", "one") / f"{key}.json").write_text("{half")
    assert builds.records("global", "one") == ()
    (builds.folder("global", "one") / f"{key}.json").unlink()
    assert builds.current("global", "one") == ""
    with builds.locked("global", "one"):
        builds.remove_unfinished("global", "one")
    assert not (builds.folder("global", "one") / key).exists()


def test_packages_that_are_removed_when_the_program_is_killed_count_for_none(
    builds: Builds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, **_: object) -> None:
        (path / "a/info/index.json").unlink()
        raise KeyboardInterrupt

    (builds.cache / "packages/a/info").mkdir(parents=True)
    (builds.cache / "packages/a/info/index.json").touch()
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            builds.clear_cache()
    assert not (builds.cache / "packages").exists()
    builds.clear_cache()
    assert list(builds.cache.iterdir()) == []


def test_a_damaged_manifest_is_written_anew_from_the_builds(builds: Builds) -> None:
    for name in ("one", "two", "three"):
        put(builds, name)
    (builds.namespace("global") / MANIFEST).write_text("{half")
    put(builds, "two", "b" * 12)
    assert [environment.name for environment in read_manifest(builds.namespace("global"))] == ["one", "three", "two"]


def test_a_failed_attempt_is_said_beside_what_is_in_force(builds: Builds) -> None:
    key = put(builds)
    put(builds, digest="b" * 12, status="failed", switch=False)
    (entry,) = read_manifest(builds.namespace("global"))
    assert (entry.status, entry.build, entry.message) == ("ready", key, "It failed.")


@pytest.mark.parametrize("name", ["..", "a/b", "", "-a", "A", "a\n", "x" * 64, ".hidden"], ids=repr)
def test_a_name_that_is_no_folder_is_refused(builds: Builds, name: str) -> None:
    with pytest.raises(BuildError, match="no name of an environment"):
        builds.folder("global", name)
    with pytest.raises(BuildError, match="no name of a namespace"):
        builds.namespace("../x")


def test_an_environment_is_built_by_one_program_at_a_time(builds: Builds) -> None:
    with builds.locked("global", "one"):
        with pytest.raises(BuildError, match="is being built already"), builds.locked("global", "one"):
            pass
        with builds.locked("global", "two"):
            pass


def test_the_newest_builds_and_the_one_in_force_are_kept(builds: Builds) -> None:
    keys = [put(builds, digest=f"{number:012x}") for number in range(6)]
    builds.switch("global", "one", keys[1])  # rolled back
    assert collect(builds, "global", "one", Retention(keep_builds=2, grace=0)) == (keys[0], keys[2], keys[3])
    assert collect(builds, "global", "one", Retention(keep_builds=1, grace=3600)) == ()


SPECIFICATION = Specification("global", "one", ("c",), ("x",))


@pytest.mark.parametrize(
    ("records", "due"),
    [
        ([], True),
        ([("same", "ready", False, 0)], False),
        ([("other", "ready", False, 0)], True),
        ([("other", "ready", False, 60), ("same", "failed", False, 30)], False),
        ([("same", "failed", True, 5)], False),
        ([("same", "failed", True, 15)], True),
        ([("same", "ready", False, 60), ("other", "failed", False, 30)], True),
    ],
    ids=["never", "as it is", "changed", "would fail again", "channel was down", "a while ago", "taken back"],
)
def test_what_is_due(records: list[tuple[str, str, bool, int]], due: bool) -> None:
    found = tuple(
        Build(
            f"{SPECIFICATION.digest if digest == 'same' else 'f' * 12}-{NOW - timedelta(minutes=ago):%Y%m%dT%H%M%SZ}",
            status,
            again=again,
        )
        for digest, status, again, ago in records
    )
    assert is_due(SPECIFICATION, found, NOW) is due


def kernel(prefix: Path, name: str, content: object, program: str = "") -> None:
    folder = prefix / "share/jupyter/kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(content if isinstance(content, str) else json.dumps(content))
    if program:
        (prefix / "bin").mkdir(exist_ok=True)
        (prefix / "bin" / program).touch()
        (prefix / "bin" / program).chmod(0o755)


def test_kernels_of_any_language_are_found_and_broken_ones_say_why(tmp_path: Path) -> None:
    r_kernel = {"argv": ["/build/time/bin/R", "--args", "{connection_file}"], "display_name": "R", "language": "R"}
    kernel(tmp_path, "ir", r_kernel, "R")
    kernel(tmp_path, "julia", {"argv": ["julia"], "display_name": "Julia", "language": "julia"})
    kernel(tmp_path, "half", "{")
    kernel(tmp_path, "list", [])
    kernel(tmp_path, "empty", {"display_name": "Empty"})
    found = {one["name"]: one["problem"] for one in contents_of(tmp_path, {})["kernels"]}
    assert found == {
        "ir": "",
        "julia": "Its kernel needs julia, which is not in it.",
        "half": "Its kernel.json (half) can't be read.",
        "list": "Its kernel.json (list) can't be read.",
        "empty": "Its kernel empty states no command.",
    }


def test_a_python_with_ipykernel_has_a_kernel_even_if_nothing_describes_it(tmp_path: Path) -> None:
    assert contents_of(tmp_path, {"python": "3.11"})["kernels"] == []
    (found,) = contents_of(tmp_path, {"python": "3.11", "ipykernel": "7"})["kernels"]
    assert found["argv"][:3] == ("python", "-m", "ipykernel_launcher")


def enters(folder: Path, *gids: int) -> bool:
    ended = subprocess.run(
        ["ls", str(folder)], user=120_001, group=120_001, extra_groups=list(gids), capture_output=True
    )
    return ended.returncode == 0


@pytest.mark.root
@pytest.mark.parametrize("members", [(70_001,), (70_001, 70_002, 70_003)], ids=["one group", "several"])
def test_only_these_groups_enter_and_a_change_counts(open_folder: Path, members: tuple[int, ...]) -> None:
    folder = open_folder / f"access-{len(members)}"
    folder.mkdir()
    open_to(folder, Access(False, members, own_ids=True))
    assert all(enters(folder, gid) for gid in members)
    assert not enters(folder)
    assert not enters(folder, 70_009)
    open_to(folder, Access(False, (70_009,), own_ids=True))
    assert enters(folder, 70_009)
    assert not enters(folder, 70_002)
    open_to(folder, Access(False, (), own_ids=True))
    assert not enters(folder, 70_009)
    open_to(folder, Access(True, own_ids=True))
    assert enters(folder)

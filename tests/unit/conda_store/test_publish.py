"""What conda-store says, checked against the disk, becomes a manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.conda_store.inspection import Uninspectable
from qhub_hub.conda_store.publish import Known, prefixes_in, publish
from qhub_hub.conda_store.rest import Build, Listed
from qhub_hub.environments import Environment, read_manifest, write_manifest

FACTS = {"kernels": (), "python": "3.12", "packages": {"python": "3.12"}, "size": 5, "activated": False}


def known(number: int = 1, status: str = "COMPLETED", message: str = "", current: int = 1) -> Known:
    last = Build(number, 1, "2023-11-14T22:13:20.5", status, "", 5, "2026-11-21T12:00:00.123")
    return Known(Listed(1, "global", "env", current, ""), last if number == current else None, last, message)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "global"


@pytest.fixture
def prefix(folder: Path) -> Path:
    found = folder / "builds" / "0123abcd-1700000000-1-env"
    (found / "conda-meta").mkdir(parents=True)
    (found / "conda-meta" / "history").touch()
    return found


def inspector(answer: Any = None) -> tuple[Callable[[Path], dict[str, Any]], list[Path]]:
    asked: list[Path] = []

    def inspect(path: Path) -> dict[str, Any]:
        asked.append(path)
        if isinstance(answer, Exception):
            raise answer
        return FACTS

    return inspect, asked


def only(folder: Path) -> Environment:
    (entry,) = read_manifest(folder)
    return entry


def test_a_build_that_is_whole_and_there_is_ready_and_looked_into_once(folder: Path, prefix: Path) -> None:
    inspect, asked = inspector()
    assert publish(folder, [known()], {}, inspect)
    entry = only(folder)
    assert (entry.status, entry.prefix, entry.built) == ("ready", str(prefix), "2026-11-21T12:00:00Z")
    assert not publish(folder, [known()], {}, inspect), "nothing is new"
    assert publish(folder, [known(message="The next one failed.")], {}, inspect)
    assert (only(folder).status, only(folder).message) == ("ready", "The next one failed.")
    assert asked == [prefix]


@pytest.mark.parametrize("status", ["QUEUED", "BUILDING"])
def test_a_first_build_under_way_is_not_there_yet(folder: Path, prefix: Path, status: str) -> None:
    publish(folder, [known(status=status)], {}, inspector()[0])
    assert read_manifest(folder) == ()


def test_what_is_no_more_on_disk_is_not_offered(folder: Path, prefix: Path) -> None:
    (prefix / "conda-meta" / "history").unlink()
    publish(folder, [known()], {}, inspector()[0])
    assert (only(folder).status, only(folder).prefix) == ("failed", "")
    assert "build in force is gone" in only(folder).message


def test_a_failed_build_and_a_refused_order_say_why(folder: Path, prefix: Path) -> None:
    publish(folder, [known(status="FAILED", message="x is missing.")], {"other": "No."}, inspector()[0])
    assert {entry.name: entry.message for entry in read_manifest(folder)} == {"env": "x is missing.", "other": "No."}


def test_an_environment_that_can_not_be_looked_into_hides_no_other(folder: Path, prefix: Path) -> None:
    publish(folder, [known()], {}, inspector(Uninspectable("It can't be looked into."))[0])
    assert (only(folder).status, only(folder).message) == ("failed", "It can't be looked into.")


def test_a_damaged_manifest_is_written_anew(folder: Path, prefix: Path) -> None:
    (folder / ".qhub-envs.json").write_text("{half")
    assert publish(folder, [known()], {}, inspector()[0])
    assert only(folder).status == "ready"


def test_only_folders_that_conda_store_names_are_builds(folder: Path, prefix: Path, tmp_path: Path) -> None:
    (folder / "builds" / "0123abcd-1700000000-2-link").symlink_to(tmp_path)
    (folder / "builds" / "0123abcd-1700000000-3-file").touch()
    (folder / "builds" / "env").mkdir()
    assert prefixes_in(folder) == {"1700000000-1": prefix}
    assert prefixes_in(tmp_path / "nowhere") == {}


def test_what_qhub_has_built_before_stays_until_conda_store_has_it(folder: Path, prefix: Path) -> None:
    own = {name: folder / "builds" / name / "0123456789ab-20261121T120000Z" for name in ("env", "other", "gone")}
    own["env"].mkdir(parents=True)
    own["other"].mkdir(parents=True)
    write_manifest(folder, tuple(Environment("global", name, str(path)) for name, path in own.items()))
    publish(folder, [known(status="BUILDING")], {}, inspector()[0])
    assert {entry.name: entry.prefix for entry in read_manifest(folder)} == {
        name: str(own[name]) for name in ("env", "other")
    }
    publish(folder, [known()], {}, inspector()[0])
    assert {entry.name: entry.prefix for entry in read_manifest(folder)} == {
        "env": str(prefix),
        "other": str(own["other"]),
    }

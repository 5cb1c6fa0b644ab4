"""Whatever keeps `qhub up` from starting is said in a sentence on stderr, with exit code 1 and no traceback."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub.testing.one_machine import free_port

BROKEN_VALUES: dict[str, tuple[str, str]] = {
    "not YAML": ("qhub: {profiles: [", ":1:"),
    "unknown key": ("qhub:\n  profils: {}\n", "2: qhub.profils"),
    "duplicate key": ("qhub:\n  users: {}\n  users: {}\n", ":3:"),
    "list instead of a map": ("qhub: []\n", ":1:"),
    "five megabytes": ("# " + "x" * 5_000_000 + "\n", "larger than 4 MiB"),
}


def up(state: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qhub_hub", "up", "--port", str(free_port()), "--state", str(state), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def assert_refused(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stderr.startswith("qhub: ")
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr


@pytest.mark.parametrize("case", BROKEN_VALUES)
def test_broken_values(tmp_path: Path, case: str) -> None:
    text, where = BROKEN_VALUES[case]
    values = tmp_path / "values.yaml"
    values.write_text(text)
    assert_refused(up(tmp_path / "state", "-f", str(values)), str(values), where)


def test_values_with_anchors_are_fine_and_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    from qhub_hub.cli import main

    anchored = tmp_path / "anchored.yaml"
    anchored.write_text("qhub:\n  groups:\n    a: &g {members: [ann]}\n    b: *g\n")
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    assert main(["validate", str(anchored)]) == 0
    assert main(["validate", str(empty)]) == 0


def test_a_values_file_that_is_a_folder_or_missing(tmp_path: Path) -> None:
    assert_refused(up(tmp_path / "state", "-f", str(tmp_path)), str(tmp_path), "directory")
    assert_refused(up(tmp_path / "state", "-f", str(tmp_path / "nope.yaml")), "nope.yaml")


def test_state_of_another_version(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "version").write_text("99\n")
    assert_refused(up(state), "another version", "99")


def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    assert_refused(up(tmp_path), "not empty", "thesis.tex")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.tex"]


def test_a_state_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(up(tmp_path / "file" / "state"), "not a folder")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system of one's own."""
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mount-{len(folders)}"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "qhub-test", str(folder)], check=True)
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
def test_a_read_only_state_folder(mounted: Callable[[str], Path]) -> None:
    folder = mounted("size=1m,mode=0755,ro")
    assert_refused(up(folder / "state"), "read-only")


@pytest.mark.root
def test_a_full_disk(mounted: Callable[[str], Path]) -> None:
    folder = mounted("size=64k,mode=0755")
    with (folder / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
        while True:
            os.write(ballast.fileno(), b"x" * 4096)
    assert_refused(up(folder / "state"), "the disk is full")


@pytest.mark.root
def test_a_state_folder_that_other_users_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert_refused(up(closed / "state"), "closed to them", str(closed))


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_an_impossible_port(tmp_path: Path, port: str) -> None:
    assert_refused(up(tmp_path / "state", "--port", port), "between 1 and 65535")

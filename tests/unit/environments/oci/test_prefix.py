"""An environment's files: no link leads out of it, and it is in use while it is held."""

import os
from pathlib import Path

import pytest

from qhub_hub.environments.garbage import in_use
from qhub_hub.environments.oci import ImageError
from qhub_hub.environments.oci.prefix import Entry, Prefix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e/lib").mkdir(parents=True)
    (tmp_path / "e/lib/program").write_text("12")
    (tmp_path / "e/lib/program").chmod(0o700)
    (tmp_path / "e/link").symlink_to("/etc")
    (tmp_path / "secret").write_text("s")
    return tmp_path / "e"


def test_links_are_seen_and_not_followed(folder: Path) -> None:
    assert sorted(Prefix(folder).entries(), key=lambda entry: entry.path) == [
        Entry("lib", "folder"),
        Entry("lib/program", "file", 2, True),
        Entry("link", "link", target="/etc"),
    ]


@pytest.mark.parametrize("path", ["link/passwd", "lib/out"], ids=["a folder", "a file"])
def test_a_link_that_takes_the_place_of_what_was_seen_is_not_followed(folder: Path, path: str) -> None:
    (folder / "lib/out").symlink_to("../../secret")
    with pytest.raises(OSError, match=r"."):
        os.close(Prefix(folder).open(path))


def test_what_no_package_brings_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "lib/pipe")
    with pytest.raises(ImageError, match="lib/pipe is neither file, link nor folder"):
        list(Prefix(folder).entries())


def test_a_record_that_is_too_large_is_refused(folder: Path) -> None:
    with pytest.raises(ImageError, match="is larger than"):
        Prefix(folder).read("lib/program", 1)


def test_it_is_in_use_while_it_is_held_and_not_afterwards(folder: Path) -> None:
    with Prefix(folder).held():
        assert in_use([folder]) == {folder}
    assert in_use([folder]) == frozenset()


def test_no_descriptor_stays_open(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Prefix(folder).held():
        Prefix(folder).read("lib/program", 10)
    assert len(os.listdir("/proc/self/fd")) == before

"""Malicious packages are refused by builds, and whoever has an environment already goes on with it unharmed."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qhub_hub.environments import read_manifest
from qhub_hub.environments.access import BUILDER
from qhub_hub.environments.builds import Build
from qhub_hub.testing.conda_channel import Package, make_channel

TOOL = "#!/bin/sh\necho the tool\n"


@dataclass(frozen=True)
class Evil:
    """A package whose archive and whose list of files say what they like.

    Args:
        files: content by path in the archive.
        links: aim by path in the archive.
        listed: paths that `info/paths.json` has besides.
        entry_points: as `info/link.json` has them; with them it is for every Python.
        marked: what `info/paths.json` says besides, by path.
        old: files that say the same in packages of before 2017, instead of `info/paths.json`.
        mode: of its files and folders.
    """

    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    listed: Sequence[str] = ()
    entry_points: Sequence[str] = ()
    marked: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    old: Mapping[str, str] = field(default_factory=dict)
    mode: int = 0o755

    def write(self, folder: Path) -> None:
        index = {
            "name": self.name,
            "version": "1.0",
            "build": "0",
            "build_number": 0,
            "depends": [],
            "subdir": "noarch",
        }
        index["noarch"] = "python" if self.entry_points else "generic"
        paths = [{"_path": path, "path_type": "hardlink", "size_in_bytes": 1} for path in (*self.files, *self.listed)]
        paths += [{"_path": path, "path_type": "softlink", "size_in_bytes": 0} for path in self.links]
        paths = [{**entry, **self.marked.get(str(entry["_path"]), {})} for entry in paths]
        about: dict[str, object] = {"info/index.json": index}
        if not self.old:
            about["info/paths.json"] = {"paths": paths, "paths_version": 1}
        if self.entry_points:
            noarch = {"type": "python", "entry_points": list(self.entry_points)}
            about["info/link.json"] = {"noarch": noarch, "package_metadata_version": 1}
        (folder / "noarch").mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / "noarch" / f"{self.name}-1.0-0.tar.bz2", "w:bz2", compresslevel=1) as archive:
            said = {name: json.dumps(content) for name, content in about.items()}
            for name, text in {**said, **self.old, **self.files}.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(text), self.mode
                archive.addfile(entry, io.BytesIO(text.encode()))
            for name, aim in self.links.items():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, aim
                archive.addfile(link)


PYTHON = Package(
    "python",
    "3.11.9",
    files={"bin/python3.11": "#!/bin/sh\n", "lib/python3.11/os.py": "", "lib/python3.11/site-packages/README": ""},
    links={"bin/python": "python3.11"},
    noarch=False,
)
"""It runs nothing, and so builds of it take no time."""


class Attacked:
    """A folder with the environment `global/victim`, which has `bin/tool`, and a channel that is made for one test."""

    def __init__(self, place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.offer()
        assert self.build("victim", "tool", "python").message == ""
        self.victim: Path = place.prefix("global/victim")
        self._before = self._files()
        assert any(path.endswith("bin/tool") and "/.cache/" in path for path in self._before)

    def offer(self, *packages: Evil) -> None:
        for package in packages:
            package.write(self.folder)
        make_channel(self.folder, [PYTHON, Package("tool", files={"bin/tool": TOOL})])

    def build(self, name: str, *dependencies: str) -> Build:
        return self.place.build(f"global/{name}", *dependencies, channel=f"file://{self.folder}")

    def _files(self) -> dict[str, bytes]:
        """Content of what environments share, and of the victim."""
        files = [*self.victim.rglob("*"), *(self.place.builds.cache / "packages").rglob("*")]
        return {str(path): path.read_bytes() for path in files if path.is_file()}

    def require_refused(self, sentence: str, *dependencies: str) -> None:
        done = self.build("evil", "python", *dependencies)
        assert (done.status, sentence in done.message, done.again) == ("failed", True, False), done.message
        (entry,) = (entry for entry in read_manifest(self.place.builds.namespace("global")) if entry.name == "evil")
        assert (entry.status, entry.message) == ("failed", done.message), "the list says it, too"
        folder = self.place.builds.folder("global", "evil")
        assert done.message in (folder / f"{done.key}.log").read_text()
        assert not (folder / done.key).exists()
        now = self._files()
        assert {path: now.get(path) for path in self._before} == self._before
        assert all("/.cache/" in path for path in set(now) - set(self._before)), "no file is new in the victim"
        done = self.build("another", "tool")
        assert (done.message, (self.place.prefix("global/another") / "bin/tool").read_text()) == ("", TOOL)
        said = subprocess.run([self.victim / "bin/tool"], capture_output=True, text=True, check=True).stdout
        assert said == "the tool\n"


@pytest.fixture
def attacked(place, open_folder: Path) -> Attacked:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o755)
    return Attacked(place, folder)


def test_an_entry_point_over_another_packages_file_changes_it_nowhere(attacked: Attacked) -> None:
    attacked.offer(Evil("evil", {"site-packages/evil.py": ""}, entry_points=["tool = evil:main"]))
    attacked.require_refused(
        "evil-1.0-0 wants to make the program 'bin/tool', which another package has", "evil", "tool"
    )


def test_a_path_out_of_the_environment_is_not_taken(attacked: Attacked) -> None:
    path = f"../../victim/{attacked.victim.name}/bin/more"
    attacked.offer(Evil("evil", {path: "x"}))
    attacked.require_refused(f"evil-1.0-0 wants to write to '{path}', which is outside the environment.", "evil")


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_a_link_and_a_file_behind_it_write_nothing_elsewhere(attacked: Attacked, absolute: bool) -> None:
    aim = attacked.victim / "bin" if absolute else f"../../../victim/{attacked.victim.name}/bin"
    attacked.offer(Evil("link", links={"share/d": str(aim)}), Evil("file", {"share/d/more": "x"}))
    sentence = "file-1.0-0 wants to write to 'share/d/more', behind a link that leads outside."
    attacked.require_refused(sentence, "link", "file")


@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_an_entry_point_is_not_written_through_a_link(attacked: Attacked, absolute: bool) -> None:
    aim = attacked.victim / "bin/tool" if absolute else f"../../../victim/{attacked.victim.name}/bin/tool"
    links = {"bin/run": str(aim)}
    attacked.offer(Evil("evil", {"site-packages/evil.py": ""}, links, entry_points=["run = evil:main"]))
    attacked.require_refused("evil-1.0-0 wants to make the program 'bin/run', which another package has", "evil")


def test_a_link_in_the_archive_alone_gives_no_file_of_another_package(attacked: Attacked) -> None:
    (tool,) = (attacked.place.builds.cache / "packages").glob("*/bin/tool")
    evil = Evil("evil", links={"bin": str(tool.parent)}, listed=["bin/tool"], entry_points=["tool = evil:main"])
    attacked.offer(evil)
    attacked.require_refused("evil-1.0-0 wants to write to 'bin/tool', behind a link that leads outside.", "evil")


LINK = "share/x"


@pytest.mark.parametrize(
    ("marked", "old"),
    [
        ({"prefix_placeholder": "/placeholder", "file_mode": "text"}, {}),
        ({"no_link": True}, {}),
        ({}, {"info/files": f"{LINK}\n", "info/has_prefix": f"{LINK}\n"}),
        ({}, {"info/files": f"{LINK}\n", "info/no_link": f"{LINK}\n"}),
    ],
    ids=["placeholder", "no_link", "has_prefix of an old one", "no_link of an old one"],
)
def test_no_copy_of_what_a_link_leads_to_is_installed(
    attacked: Attacked, marked: Mapping[str, object], old: Mapping[str, str]
) -> None:
    secret = attacked.folder / "secret"
    secret.write_text("of another group")
    attacked.offer(Evil("evil", links={LINK: str(secret)}, marked={LINK: marked}, old=old))
    attacked.require_refused(f"evil-1.0-0 wants a copy of what its link '{LINK}' leads to", "evil")
    for path in attacked.place.builds.root.rglob("*"):
        assert path.is_symlink() or not path.is_file() or secret.read_bytes() not in path.read_bytes(), path


def test_what_an_archive_lets_everybody_write_only_its_owner_can(attacked: Attacked) -> None:
    attacked.offer(Evil("open", {"share/open/x": "x", "bin/open": "x"}, mode=0o6777))
    assert attacked.build("fine", "open").message == ""
    (shared,) = (attacked.place.builds.cache / "packages").glob("*/share/open/x")
    for folder in (attacked.place.prefix("global/fine"), shared.parents[2]):
        for path in ("share/open/x", "bin/open", "share/open"):
            assert (folder / path).stat().st_mode & 0o7777 == 0o755


def test_a_package_that_replaces_its_own_program_does_so_in_each_environment_alone(attacked: Attacked) -> None:
    attacked.offer(Evil("own", {"site-packages/own.py": "", "bin/run": "x"}, entry_points=["run = own:main"]))
    programs = []
    for name in ("one", "two"):
        assert attacked.build(name, "own", "python").message == ""
        programs.append(attacked.place.prefix(f"global/{name}") / "bin/run")
    for program in programs:
        assert program.read_text().startswith(f"#!{program.parent}/python"), "it runs the Python of its own environment"
    (shared,) = (attacked.place.builds.cache / "packages").glob("*/bin/run")
    assert shared.read_text() == "x"


@pytest.mark.parametrize("hashes", [("md5", "sha256"), ("md5",)], ids=["both", "md5 only"])
def test_a_package_that_is_not_what_the_channel_lists_is_not_installed(
    attacked: Attacked, hashes: tuple[str, ...]
) -> None:
    attacked.offer(Evil("one", {"share/one": "1"}), Evil("other", {"share/other": "1"}))
    index = attacked.folder / "noarch/repodata.json"
    content = json.loads(index.read_text())
    for record in content["packages"].values():
        for known in {"md5", "sha256"} - set(hashes):
            del record[known]
    index.write_text(json.dumps(content))
    (attacked.folder / "noarch/repodata.json.zst").unlink(missing_ok=True)
    (attacked.folder / "noarch/one-1.0-0.tar.bz2").write_bytes(
        (attacked.folder / "noarch/other-1.0-0.tar.bz2").read_bytes()
    )
    done = attacked.build("evil", "one")
    assert done.message.startswith("one-1.0-0.tar.bz2 is not the package that the channel lists: its "), done.message
    assert done.again
    assert attacked.build("fine", "other").message == ""
    assert (attacked.place.prefix("global/fine") / "share/other").read_text() == "1"


def test_what_a_killed_build_left_beside_the_packages_goes(attacked: Attacked) -> None:
    drafts = attacked.place.builds.cache / "drafts"
    assert list(drafts.iterdir()) == []
    now = time.time()
    for name, age in (("old", 100_000), ("new", 0)):
        (drafts / name / "view").mkdir(parents=True)
        (drafts / name / "view/tool").symlink_to(attacked.victim)
        (drafts / name / "view").chmod(0o555)
        for path in (drafts / name, drafts / name / "view"):
            os.utime(path, (now - age, now - age))
            if os.geteuid() == 0:
                os.chown(path, BUILDER, BUILDER)
    assert attacked.build("another", "tool").message == ""
    assert [path.name for path in drafts.iterdir()] == ["new"], "another build may be at it"
    assert (attacked.victim / "bin/tool").read_text() == TOOL

"""QHub's conda command: it installs what a list says, from files that are what the list says, into the environment."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.conda_store.rattler.explicit import packages_in
from qhub_hub.conda_store.reasons import reason_of
from qhub_hub.conda_store.rest import Build
from qhub_hub.environments.containment import Refused
from qhub_hub.testing.conda_channel import Package, make_channel

MD5 = "0" * 32
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def conda(tmp_path: Path) -> Command:
    """Run the command with a folder of packages: `conda("info", "--json")`."""
    variables = {"PATH": os.defpath, "HOME": str(tmp_path), "CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    (tmp_path / "pkgs").mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "qhub_hub.conda_store.rattler", *words]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)

    return run


def fetched(folder: Path, *packages: Package) -> str:
    """Packages as conda-store has fetched them; returns the list that conda-lock would write."""
    make_channel(folder / "channel", list(packages))
    lines = ["@EXPLICIT"]
    for path in sorted((folder / "channel").glob("*/*.conda")):
        (folder / "pkgs" / path.name).write_bytes(path.read_bytes())
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        lines.append(f"https://conda.example.org/team/{path.parent.name}/{path.name}#{digest}")
    return "\n".join(lines)


def created(conda: Command, folder: Path, listed: str) -> subprocess.CompletedProcess[str]:
    (folder / "list.txt").write_text(listed)
    return conda("create", "--quiet", "--file", str(folder / "list.txt"), "--yes", "--prefix", str(folder / "prefix"))


def test_it_says_what_it_is_and_where_packages_are(conda: Command, tmp_path: Path) -> None:
    assert "QHub's, by py-rattler" in conda("--version").stdout
    assert json.loads(conda("info", "--json").stdout)["pkgs_dirs"] == [str(tmp_path / "pkgs")]
    unknown = conda("install", "tiny")
    assert (unknown.returncode, "does not know" in unknown.stderr) == (1, True)


def test_it_installs_and_notes_what_conda_store_asks_for_afterwards(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}), Package("two", "2.0", files={"bin/two": "2"}))
    done = created(conda, tmp_path, listed)
    assert done.returncode == 0, done.stderr
    prefix = tmp_path / "prefix"
    assert ((prefix / "share/one").read_text(), (prefix / "bin/two").read_text()) == ("1", "2")
    assert (prefix / "conda-meta/history").is_file()
    record = json.loads((prefix / "conda-meta/two-2.0-0.json").read_text())
    assert record["url"].startswith("https://conda.example.org/team/noarch/two-2.0-0")
    assert record["channel"] == "https://conda.example.org/team/noarch"
    assert Path(record["package_tarball_full_path"]).is_file()
    assert (Path(record["extracted_package_dir"]) / "info/index.json").is_file()
    exported = json.loads(conda("env", "export", "--prefix", str(prefix), "--json").stdout)
    assert exported["dependencies"] == ["one=1.0=0", "two=2.0=0"]
    again = created(conda, tmp_path, listed)
    assert (again.returncode, "is an environment already" in again.stderr) == (1, True)


def test_a_file_that_is_not_what_the_list_says_is_refused_and_removed(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    (archive,) = (tmp_path / "pkgs").glob("*.conda")
    archive.write_bytes(archive.read_bytes() + b"more")
    done = created(conda, tmp_path, listed)
    assert (done.returncode, "is not the package that the channel lists" in done.stderr) == (1, True)
    assert not archive.exists()
    assert not (tmp_path / "prefix").exists()
    missing = created(conda, tmp_path, listed)
    assert (missing.returncode, "was not fetched" in missing.stderr) == (1, True)


def test_a_package_under_the_name_of_another_is_refused(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    (archive,) = (tmp_path / "pkgs").glob("*.conda")
    archive.rename(archive.with_name("python-3.11.0-0.conda"))
    done = created(conda, tmp_path, listed.replace("one-1.0-0", "python-3.11.0-0"))
    assert (done.returncode, "says of itself that it is 'one-1.0-0'" in done.stderr) == (1, True)


@pytest.mark.parametrize("name", ["conda-meta/history", "conda-meta/one-1.0-0.json"])
def test_what_is_written_at_the_end_goes_through_no_link_of_a_package(
    conda: Command, tmp_path: Path, name: str
) -> None:
    database = tmp_path / "conda-store.sqlite"
    database.write_text("rows")
    evil = Package("one", files={"conda-meta/README": "1"}, links={name: str(database)})
    done = created(conda, tmp_path, fetched(tmp_path, evil))
    assert (done.returncode, f"one-1.0-0 brings the link '{name}'" in done.stderr) == (1, True), done.stderr
    assert database.read_text() == "rows"


def test_what_is_written_at_the_end_changes_no_file_of_a_package(conda: Command, tmp_path: Path) -> None:
    done = created(conda, tmp_path, fetched(tmp_path, Package("one", files={"conda-meta/history": "of the package"})))
    assert done.returncode == 0, done.stderr
    assert "conda create" in (tmp_path / "prefix/conda-meta/history").read_text()
    (shared,) = (tmp_path / "pkgs/unpacked").glob("*/conda-meta/history")
    assert shared.read_text() == "of the package"


def test_what_is_looked_at_is_what_is_installed(conda: Command, tmp_path: Path) -> None:
    harmless = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    assert created(conda, tmp_path, harmless).returncode == 0
    shutil.rmtree(tmp_path / "prefix")
    left = tmp_path / "pkgs/drafts/left"  # by one that was killed
    (left / "view").mkdir(parents=True)
    (left / "view/one-1.0-0").symlink_to(tmp_path)
    (left / "view").chmod(0o555)
    os.utime(left, (0, 0))
    # Another archive that is unpacked under the same name, as a `.conda` beside a `.tar.bz2` is.
    link = {"conda-meta/history": str(tmp_path / "list.txt")}
    done = created(conda, tmp_path, fetched(tmp_path, Package("one", files={"conda-meta/README": "2"}, links=link)))
    assert (done.returncode, "brings the link" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "prefix").exists()
    assert list((tmp_path / "pkgs/drafts").iterdir()) == []


def test_what_is_refused_reaches_people_as_its_sentence(conda: Command, tmp_path: Path) -> None:
    evil = Package("one", files={"conda-meta/README": "1"}, links={"conda-meta/x": "/etc/passwd"})
    done = created(conda, tmp_path, fetched(tmp_path, evil))
    log = "".join(f"action_install_lockfile: ERROR:root:{line}\n" for line in done.stderr.splitlines())
    failed = Build(1, 1, "2026-11-21T11:00:00", "FAILED", "", 0, "2026-11-21T12:00:00")
    assert reason_of(failed, log).sentence == (
        "one-1.0-0 brings the link 'conda-meta/x', where only QHub and py-rattler write."
    )


def test_a_package_that_is_listed_twice_is_refused(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    done = created(conda, tmp_path, listed + "\n" + listed.splitlines()[1])
    assert (done.returncode, "are one package" in done.stderr) == (1, True)
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize(
    "line",
    [
        "https://c.example/linux-64/one-1.0-0.conda",
        "https://c.example/linux-64/one-1.0-0.conda#",
        "https://c.example/linux-64/one-1.0-0.conda#1234",
        f"https://c.example/linux-64/one-1.0-0.zip#{MD5}",
        f"https://c.example/linux-64/..%2f..%2fone.conda#{MD5}",
        f"https://c.example/linux-64/.conda#{MD5}",
        f"one-1.0-0#{MD5}",
        f"https://c.example/linux-64/-rf.conda#{MD5}",
        f"https://c.example/linux-64/unpacked.conda#{MD5}",
    ],
)
def test_a_line_without_a_package_and_its_hash_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="no address of a conda package with its hash"):
        packages_in(line)


@given(st.text())
def test_whatever_a_list_says_no_file_is_elsewhere(text: str) -> None:
    try:
        found = packages_in(f"https://c.example/linux-64/{text}#{MD5}")
    except Refused:
        return
    for package in found:
        assert "/" not in package.file + package.folder
        assert package.folder not in ("", ".", "..")

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

from qhub_hub.conda_store.rattler.containment import check_contained
from qhub_hub.conda_store.rattler.explicit import Refused, packages_in
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
    for path in sorted((folder / "channel").glob("*/*.tar.bz2")):
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
    (archive,) = (tmp_path / "pkgs").glob("*.tar.bz2")
    archive.write_bytes(archive.read_bytes() + b"more")
    done = created(conda, tmp_path, listed)
    assert (done.returncode, "is not the package that the channel lists" in done.stderr) == (1, True)
    assert not archive.exists()
    assert not (tmp_path / "prefix").exists()
    missing = created(conda, tmp_path, listed)
    assert (missing.returncode, "was not fetched" in missing.stderr) == (1, True)


def test_a_package_under_the_name_of_another_is_refused(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    (archive,) = (tmp_path / "pkgs").glob("*.tar.bz2")
    archive.rename(archive.with_name("python-3.11.0-0.tar.bz2"))
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
    (shared,) = (tmp_path / "pkgs/unpacked").glob("one-1.0-0*/conda-meta/history")
    assert shared.read_text() == "of the package"


def test_what_is_looked_at_is_what_is_installed(conda: Command, tmp_path: Path) -> None:
    harmless = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    assert created(conda, tmp_path, harmless).returncode == 0
    shutil.rmtree(tmp_path / "prefix")
    (tmp_path / "pkgs/.drafts/one-1.0-0").mkdir(parents=True)  # of one that was killed
    # Another archive that is unpacked under the same name, as a `.conda` beside a `.tar.bz2` is.
    link = {"conda-meta/history": str(tmp_path / "list.txt")}
    done = created(conda, tmp_path, fetched(tmp_path, Package("one", files={"conda-meta/README": "2"}, links=link)))
    assert (done.returncode, "brings the link" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "prefix").exists()
    assert not (tmp_path / "pkgs/.drafts").exists()


def test_one_package_in_two_archives_is_refused(conda: Command, tmp_path: Path) -> None:
    listed = fetched(tmp_path, Package("one", files={"share/one": "1"}))
    done = created(conda, tmp_path, listed + "\n" + listed.splitlines()[1].replace(".tar.bz2", ".conda"))
    assert (done.returncode, "are one package" in done.stderr) == (1, True)


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


def unpacked(root: Path, name: str, *paths: str, entry_points: tuple[str, ...] = (), **links: str) -> Path:
    """A package as it is unpacked, with files at these paths and links; with `site-packages` it is for every Python."""
    folder = root / name
    (folder / "info").mkdir(parents=True)
    listed = [{"_path": path} for path in (*paths, *links)]
    (folder / "info/paths.json").write_text(json.dumps({"paths": listed}))
    index = {"name": name.split("-")[0], "version": name.split("-")[1]}
    if entry_points or any(path.startswith("site-packages") for path in (*paths, *links)):
        index["noarch"] = "python"
    (folder / "info/index.json").write_text(json.dumps(index))
    if entry_points:
        (folder / "info/link.json").write_text(json.dumps({"noarch": {"entry_points": list(entry_points)}}))
    for path, aim in links.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(aim)
    return folder


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "", ".", "a//x", "a/./x", "a\0x"], ids=repr)
def test_a_path_outside_the_environment_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Refused, match="evil-1-0 wants to write to"):
        check_contained([unpacked(tmp_path, "evil-1-0", path)])


@pytest.mark.parametrize("aim", ["/etc", "..", "../..", "a/../../.."], ids=repr)
def test_a_file_behind_somebody_elses_link_that_leads_outside_is_refused(tmp_path: Path, aim: str) -> None:
    link, file = unpacked(tmp_path, "link-1-0", d=aim), unpacked(tmp_path, "file-1-0", "d/x")
    check_contained([link])  # a link alone writes nothing
    with pytest.raises(Refused, match="file-1-0 wants to write to 'd/x', behind a link"):
        check_contained([link, file])


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="behind a link"):
        check_contained([unpacked(tmp_path, "circle-1-0", "d/x", d="e", e="d")])


def test_a_link_in_pythons_own_folder_counts_for_packages_of_every_python(tmp_path: Path) -> None:
    link = unpacked(tmp_path, "link-1-0", **{"lib/python3.11/site-packages/d": "/etc"})
    python = unpacked(tmp_path, "python-3.11.2-0", "bin/python3.11", **{"lib/python3.1": "python3.11"})
    with pytest.raises(Refused, match="behind a link"):
        check_contained([link, unpacked(tmp_path, "file-1-0", "site-packages/d/x"), python])


def test_what_real_packages_do_is_let_through(tmp_path: Path) -> None:
    check_contained(
        [
            unpacked(tmp_path, "a-1-0", "lib/libc.so.6", "sysroot/lib64/x", **{"sysroot/lib64": "usr/lib64"}),
            unpacked(tmp_path, "b-1-0", "site-packages/b/__init__.py", entry_points=("b-run = b:main",)),
            unpacked(tmp_path, "c-1-0", "share/x", **{"bin/up": "../share/x", "share/tz": "/usr/share/zoneinfo"}),
            unpacked(tmp_path, "python-3.11.2-0", "lib/python3.11/os.py", **{"lib/python3.1": "python3.11"}),
            unpacked(tmp_path, "d-1-0", **{"lib/python3.11/site-packages/d/data": "/usr/share/d"}),
            unpacked(tmp_path, "libgomp-1-0", **{"sysroot/lib64/libgomp.so.1": "../../../lib/libgomp.so.1"}),
        ]
    )


@pytest.mark.parametrize(
    "name",
    ["conda-meta", "conda-meta/history", "conda-meta/x-1-0.json", "__clobbers__", "__clobbers__/x", "CACHEDIR.TAG"],
)
def test_a_link_where_only_qhub_and_py_rattler_write_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="where only QHub and py-rattler write"):
        check_contained([unpacked(tmp_path, "evil-1-0", **{name: "share"})])


def test_a_link_to_such_a_folder_hides_none(tmp_path: Path) -> None:
    evil = unpacked(tmp_path, "evil-1-0", d="conda-meta")
    more = unpacked(tmp_path, "more-1-0", **{"d/history": "/home/conda/.conda-store/conda-store.sqlite"})
    for order in ([evil, more], [more, evil]):
        with pytest.raises(Refused, match="where only QHub and py-rattler write"):
            check_contained(order)


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ({"bin/run": "/etc/passwd"}, "another package has"),
        ({"bin/run": "other"}, "another package has"),
        ({"bin": "/etc"}, "behind a link that leads outside"),
        ({"bin": "share", "share/run": "other"}, "another package has"),
    ],
    ids=["outside", "inside", "a folder outside", "a folder inside"],
)
def test_a_program_of_an_entry_point_is_written_through_no_link(
    tmp_path: Path, other: dict[str, str], refused: str
) -> None:
    with pytest.raises(Refused, match=refused):
        check_contained(
            [
                unpacked(tmp_path, "a-1-0", "site-packages/a.py", entry_points=("run = a:main",)),
                unpacked(tmp_path, "b-1-0", **other),
            ]
        )


@pytest.mark.parametrize(
    "links",
    [
        {"lib": "/home"},
        {"lib/python3.99": "/home"},
        {"lib/python3.99": "x", "lib/x": "../.."},
        {"lib/python3.11/site-packages/a/__pycache__": "/home"},
    ],
    ids=["all", "a Python's", "by another", "a module's"],
)
def test_bytecode_is_written_nowhere_else(tmp_path: Path, links: dict[str, str]) -> None:
    with pytest.raises(Refused, match="behind a link that leads outside"):
        check_contained([unpacked(tmp_path, "evil-1-0", **links)])


def test_a_program_of_an_entry_point_replaces_no_other_packages(tmp_path: Path) -> None:
    # It would in all environments that have the other: py-rattler writes into a file that they share.
    mine = unpacked(tmp_path, "a-1-0", "site-packages/a.py", "python-scripts/run", entry_points=("run = a:main",))
    check_contained([mine])
    with pytest.raises(Refused, match="another package has"):
        check_contained([mine, unpacked(tmp_path, "b-1-0", "bin/run")])


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
def test_a_link_behind_a_link_is_found_by_both_names(tmp_path: Path, turned: bool) -> None:
    a = unpacked(tmp_path, "a-1-0", "e/f", d="e")
    b = unpacked(tmp_path, "b-1-0", **{"d/a": "/home/conda"})
    check_contained([a, b])
    for number, path in enumerate(("d/a/x", "e/a/x")):
        packages = [a, b, unpacked(tmp_path, f"c-{number}-0", path)]
        with pytest.raises(Refused, match="behind a link that leads outside"):
            check_contained(reversed(packages) if turned else packages)
    with pytest.raises(Refused, match="where there is a link already"):
        check_contained([a, b, unpacked(tmp_path, "file-1-0", "e/a")])


def test_a_link_that_leads_to_two_places_is_refused(tmp_path: Path) -> None:
    packages = [unpacked(tmp_path, "a-1-0", d="/etc"), unpacked(tmp_path, "b-1-0", d="share")]
    for order in (packages, packages[::-1]):
        with pytest.raises(Refused, match="leads elsewhere in another package"):
            check_contained(order)
    check_contained([packages[1], unpacked(tmp_path, "c-1-0", "d/x", d="share")])


@pytest.mark.parametrize("path", ["site-packages/x", "python-scripts/x", "site-packages", "python-scripts"])
def test_only_packages_for_every_python_have_paths_that_move(tmp_path: Path, path: str) -> None:
    folder = unpacked(tmp_path, "evil-1-0", path)
    (folder / "info/index.json").write_text(json.dumps({"name": "evil", "version": "1", "noarch": "generic"}))
    with pytest.raises(Refused, match="as only packages for every Python may"):
        check_contained([folder])


def test_where_modules_go_is_what_python_says(tmp_path: Path) -> None:
    python = unpacked(tmp_path, "python-3.13-0", **{"lib/python3.13t": "/home/conda"})
    said = {"name": "python", "version": "3.13", "python_site_packages_path": "lib/python3.13t/site-packages"}
    (python / "info/index.json").write_text(json.dumps(said))
    with pytest.raises(Refused, match="behind a link that leads outside"):
        check_contained([python, unpacked(tmp_path, "a-1-0", "site-packages/a.py")])
    (python / "info/index.json").write_text(json.dumps(said | {"python_site_packages_path": "../site-packages"}))
    with pytest.raises(Refused, match="outside the environment"):
        check_contained([python])


@pytest.mark.parametrize("name", ["info", "info/index.json", "info/paths.json", "info/files", "info/link.json"])
def test_a_package_that_says_what_it_is_behind_a_link_is_refused(tmp_path: Path, name: str) -> None:
    folder = unpacked(tmp_path, "evil-1-0", "share/x")
    aside = tmp_path / "aside"
    if (folder / name).exists():
        (folder / name).rename(aside)
    (folder / name).symlink_to(aside)
    with pytest.raises(Refused, match="behind a link: info"):
        check_contained([folder])


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", ""], ids=repr)
def test_a_program_with_a_path_for_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="wants to make a program"):
        check_contained([unpacked(tmp_path, "evil-1-0", entry_points=(f"{name} = evil:main",))])


def test_old_packages_list_their_files_otherwise(tmp_path: Path) -> None:
    (tmp_path / "old-1-0/info").mkdir(parents=True)
    (tmp_path / "old-1-0/info/index.json").write_text(json.dumps({"name": "old", "version": "1"}))
    (tmp_path / "old-1-0/info/files").write_text("bin/old\nshare/old\n")
    check_contained([tmp_path / "old-1-0"])
    (tmp_path / "old-1-0/info/files").write_text("bin/old\n../old\n")
    with pytest.raises(Refused, match="outside the environment"):
        check_contained([tmp_path / "old-1-0"])


def test_a_package_that_does_not_say_which_files_it_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bare-1-0").mkdir()
    with pytest.raises(Refused, match="does not say which files it has"):
        check_contained([tmp_path / "bare-1-0"])

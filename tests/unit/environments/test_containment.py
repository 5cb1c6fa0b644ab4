"""Packages that would write outside the environment, or into what environments share, are refused."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qhub_hub.environments.containment import Refused, Unpacked, check_contained


def unpacked(root: Path, name: str, *paths: str, entry_points: tuple[str, ...] = (), **links: str) -> Unpacked:
    """A package as it is unpacked, with files at these paths and links; with `site-packages` it is for every Python."""
    folder = root / name
    (folder / "info").mkdir(parents=True)
    listed = [{"_path": path, "path_type": "hardlink"} for path in paths]
    listed += [{"_path": path, "path_type": "softlink"} for path in links]
    (folder / "info/paths.json").write_text(json.dumps({"paths": listed}))
    index = {"name": name.split("-")[0], "version": name.split("-")[1]}
    noarch = bool(entry_points) or any(path.startswith("site-packages") for path in (*paths, *links))
    if noarch:
        index["noarch"] = "python"
    (folder / "info/index.json").write_text(json.dumps(index))
    if entry_points:
        (folder / "info/link.json").write_text(json.dumps({"noarch": {"entry_points": list(entry_points)}}))
    for path, aim in links.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(aim)
    for path in paths:
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # those that lead elsewhere are in no package
            file = folder / (folder / path).resolve().relative_to(folder.resolve())
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return Unpacked(folder, name, noarch, "lib/python3.11/site-packages" if index["name"] == "python" else "")


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
    mine = unpacked(tmp_path, "a-1-0", "site-packages/a.py", entry_points=("run = a:main",))
    assert check_contained([mine]) == set()
    with pytest.raises(Refused, match="another package has"):
        check_contained([mine, unpacked(tmp_path, "b-1-0", "bin/run")])


def test_a_package_whose_entry_point_replaces_its_own_file_is_named(tmp_path: Path) -> None:
    own = unpacked(
        tmp_path, "a-1-0", "site-packages/a.py", "python-scripts/run", entry_points=("run = a:main", "more = a:main")
    )
    other = unpacked(tmp_path, "b-1-0", "site-packages/b.py", entry_points=("other = b:main",))
    assert check_contained([own, other]) == {"a-1-0"}


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
def test_a_link_behind_a_link_is_found_by_both_names(tmp_path: Path, turned: bool) -> None:
    a = unpacked(tmp_path, "a-1-0", "e/f", d="e")
    b = unpacked(tmp_path, "b-1-0", **{"d/a": "/home/conda"})
    check_contained([a, b])
    for number, path in enumerate(("d/a/x", "e/a/x")):
        packages = [a, b, unpacked(tmp_path, f"c-{number}-0", path)]
        with pytest.raises(Refused, match="behind a link that leads outside"):
            check_contained(packages[::-1] if turned else packages)
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
    package = unpacked(tmp_path, "evil-1-0", path)
    for of_channel, of_itself in (("python", "generic"), ("generic", "python")):
        (package.folder / "info/index.json").write_text(json.dumps({"noarch": of_itself}))
        with pytest.raises(Refused, match="as only packages for every Python may"):
            check_contained([replace(package, noarch=of_channel == "python")])


def test_where_modules_go_is_what_the_channel_says_of_python(tmp_path: Path) -> None:
    python = unpacked(tmp_path, "python-3.13-0", **{"opt/python": "/home/conda"})
    module = unpacked(tmp_path, "a-1-0", "site-packages/a.py")
    check_contained([python, module])
    with pytest.raises(Refused, match="behind a link that leads outside"):
        check_contained([replace(python, site="opt/python/site-packages"), module])
    with pytest.raises(Refused, match="outside the environment"):
        replace(python, site="../site-packages")
    with pytest.raises(Refused, match="Two packages say that they are Python"):
        check_contained([python, replace(python, name="python-3.14-0", site="lib/python3.14/site-packages")])


@pytest.mark.parametrize("name", ["", "../x", "a/b-1-0", "-rf-1-0", "a-1-0\n", ".."], ids=repr)
def test_a_name_that_is_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="is no name, version and build of a package"):
        Unpacked(tmp_path, name)


def test_what_lies_behind_a_link_of_the_package_to_elsewhere_is_not_its_own(tmp_path: Path) -> None:
    # Of another package, say: a program that is written over it would be in all environments that have that one.
    package = unpacked(tmp_path, "evil-1-0", "bin/run", entry_points=("run = evil:main",))
    (package.folder / "bin").rename(tmp_path / "others")
    (package.folder / "bin").symlink_to("../others")
    with pytest.raises(Refused, match="behind a link that leads outside"):
        check_contained([package])


@pytest.mark.parametrize("is_link", [True, False], ids=["a file for a link", "a link for a file"])
def test_a_package_that_takes_a_link_for_a_file_is_refused(tmp_path: Path, is_link: bool) -> None:
    # py-rattler would read what the link leads to, which may be another group's.
    package = unpacked(tmp_path, "evil-1-0", "x")
    if not is_link:
        (package.folder / "x").unlink()
        (package.folder / "x").symlink_to("/etc/passwd")
    kind = "softlink" if is_link else "hardlink"
    (package.folder / "info/paths.json").write_text(json.dumps({"paths": [{"_path": "x", "path_type": kind}]}))
    with pytest.raises(Refused, match="is not what it says"):
        check_contained([package])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    package = unpacked(tmp_path, "evil-1-0", "x")
    (package.folder / "x").unlink()
    with pytest.raises(Refused, match="says that it has 'x', which is not in it"):
        check_contained([package])


@pytest.mark.parametrize(
    "name",
    ["info", *(f"info/{name}" for name in ("index.json", "paths.json", "files", "link.json", "has_prefix", "no_link"))],
)
def test_a_package_that_says_what_it_is_behind_a_link_is_refused(tmp_path: Path, name: str) -> None:
    package = unpacked(tmp_path, "evil-1-0", "share/x")
    folder = package.folder
    aside = tmp_path / "aside"
    if (folder / name).exists():
        (folder / name).rename(aside)
    (folder / name).symlink_to(aside)
    with pytest.raises(Refused, match="behind a link: info"):
        check_contained([package])


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", ""], ids=repr)
def test_a_program_with_a_path_for_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="wants to make a program"):
        check_contained([unpacked(tmp_path, "evil-1-0", entry_points=(f"{name} = evil:main",))])


def test_old_packages_list_their_files_otherwise(tmp_path: Path) -> None:
    old = unpacked(tmp_path, "old-1-0", "bin/old", "share/old", **{"share/new": "old"})
    (old.folder / "info/paths.json").unlink()
    (old.folder / "info/files").write_text("bin/old\nshare/old\nshare/new\n")
    check_contained([old])
    for name in ("has_prefix", "no_link"):
        (old.folder / "info" / name).write_text("bin/old\n")
        with pytest.raises(Refused, match="wants a copy of what its link 'share/new' leads to"):
            check_contained([old])
        (old.folder / "info" / name).unlink()
    (old.folder / "info/files").write_text("bin/old\n../old\n")
    with pytest.raises(Refused, match="outside the environment"):
        check_contained([old])


@pytest.mark.parametrize("separator", ["\x0c", "\x85", "\u2028", "\x1c", "\r"], ids=ascii)
def test_old_packages_list_a_path_per_line_as_py_rattler_reads_lines(tmp_path: Path, separator: str) -> None:
    # Taken for two paths, the one that is installed would not be looked at.
    link = unpacked(tmp_path, "link-1-0", "d", "e", **{f"d{separator}e": "/home"})
    file = unpacked(tmp_path, "file-1-0", f"d{separator}e/x")
    for package, path in ((link, f"d{separator}e"), (file, f"d{separator}e/x")):
        (package.folder / "info/paths.json").unlink()
        (package.folder / "info/files").write_bytes(f"{path}\n".encode())
    with pytest.raises(
        Refused, match="does not say which" if separator == "\r" else "behind a link that leads outside"
    ):
        check_contained([link, file])


def test_old_packages_of_windows_are_read_too(tmp_path: Path) -> None:
    old = unpacked(tmp_path, "old-1-0", "a", "b")
    (old.folder / "info/paths.json").unlink()
    (old.folder / "info/files").write_bytes(b"a\r\nb\r\n")
    check_contained([old])
    (old.folder / "info/files").write_bytes(b"a\r\nb\r")
    with pytest.raises(Refused, match="does not say which files it has"):
        check_contained([old])


@pytest.mark.parametrize(
    ("mark", "refused"),
    [
        ({"prefix_placeholder": "/x", "file_mode": "text"}, True),
        ({"prefix_placeholder": "", "file_mode": "binary"}, True),
        ({"no_link": True}, True),
        ({"no_link": False, "prefix_placeholder": None}, False),
    ],
    ids=["text", "binary", "no_link", "neither"],
)
def test_a_link_that_py_rattler_would_open_is_refused(tmp_path: Path, mark: dict[str, object], refused: bool) -> None:
    package = unpacked(tmp_path, "evil-1-0", x="/etc/passwd")
    entry = {"_path": "x", "path_type": "softlink", **mark}
    (package.folder / "info/paths.json").write_text(json.dumps({"paths": [entry]}))
    expected = pytest.raises(Refused, match="wants a copy of what its link 'x' leads to")
    with expected if refused else contextlib.nullcontext():
        check_contained([package])


def test_a_path_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    package = unpacked(tmp_path, "evil-1-0", "x")
    (package.folder / "info/paths.json").write_text(
        json.dumps({"paths": [{"_path": "x", "path_type": "hardlink"}, {"_path": "x", "path_type": "hardlink"}]})
    )
    with pytest.raises(Refused, match="evil-1-0 says twice that it has 'x'"):
        check_contained([package])


@pytest.mark.parametrize("path", ["lib/python311.zip", "lib/python3.zip", "pyvenv.cfg", "bin/pyvenv.cfg"])
def test_what_python_would_run_or_obey_before_all_else_is_pythons_own(tmp_path: Path, path: str) -> None:
    python = unpacked(tmp_path, "python-3.11.2-0", "bin/python3.11", path)
    check_contained([python])
    for evil in (unpacked(tmp_path, "evil-1-0", path), unpacked(tmp_path, "link-1-0", **{path: "share/x"})):
        with pytest.raises(Refused, match=f"wants to write to '{path}', as only Python itself may"):
            check_contained([unpacked(tmp_path / "other", "python-3.11.2-0", "bin/python3.11"), evil])
        shutil.rmtree(tmp_path / "other")


@pytest.mark.parametrize("name", ["index.json", "paths.json", "link.json"])
def test_a_package_that_says_what_it_is_too_deeply_is_refused(tmp_path: Path, name: str) -> None:
    package = unpacked(tmp_path, "evil-1-0", "x", entry_points=("x = x:x",))
    (package.folder / "info" / name).write_text("[" * 200_000)
    with pytest.raises(Refused, match="does not say which files it has"):
        check_contained([package])


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", '{"paths": [1]}', '{"paths": [{"_path": "x"}]}', '{"paths": 1}'], ids=repr
)
def test_a_package_that_does_not_say_which_files_it_has_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "bare-1-0").mkdir()
    with pytest.raises(Refused, match="does not say which files it has"):
        check_contained([Unpacked(tmp_path / "bare-1-0", "bare-1-0")])
    package = unpacked(tmp_path, "evil-1-0", "x")
    (package.folder / "info/paths.json").write_text(said)
    with pytest.raises(Refused, match="does not say which files it has"):
        check_contained([package])

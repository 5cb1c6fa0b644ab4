"""Bytecode is written beside the modules of an environment, and nowhere that its links lead to."""

import sys
from pathlib import Path

import pytest

from qhub_hub.environments.compiling import compile_modules

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with one module."""
    (tmp_path / "prefix/bin").mkdir(parents=True)
    (tmp_path / "prefix/bin/python").symlink_to(sys.executable)
    (tmp_path / "prefix/lib" / VERSION).mkdir(parents=True)
    (tmp_path / "prefix/lib" / VERSION / "own.py").write_text("x = 1\n")
    return tmp_path / "prefix"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a module of somebody else's."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/others.py").write_text("secret = 1\n")
    return tmp_path / "elsewhere"


def compiled(folder: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in folder.rglob("*.pyc"))


def test_modules_are_compiled(prefix: Path) -> None:
    (prefix / "lib/python3.1").symlink_to(VERSION)
    compile_modules(prefix)
    assert compiled(prefix) == ["own"]


def test_a_linked_folder_of_modules_is_left_alone(prefix: Path, elsewhere: Path) -> None:
    (prefix / "lib/python3.99").symlink_to(elsewhere)
    (prefix / "lib" / VERSION / "inside").symlink_to(elsewhere)
    compile_modules(prefix)
    assert (compiled(prefix), compiled(elsewhere)) == (["own"], [])


def test_all_modules_behind_a_link_are_left_alone(prefix: Path, elsewhere: Path) -> None:
    (elsewhere / VERSION).mkdir()
    (elsewhere / VERSION / "more.py").write_text("x = 1\n")
    (prefix / "lib").rename(prefix / "own")
    (prefix / "lib").symlink_to(elsewhere)
    compile_modules(prefix)
    assert compiled(elsewhere) == []


def test_what_a_linked_module_says_does_not_get_into_the_environment(prefix: Path, elsewhere: Path) -> None:
    (prefix / "lib" / VERSION / "stolen.py").symlink_to(elsewhere / "others.py")
    (prefix / "lib" / VERSION / "same.py").symlink_to("own.py")
    compile_modules(prefix)
    assert compiled(prefix) == ["own", "same"]

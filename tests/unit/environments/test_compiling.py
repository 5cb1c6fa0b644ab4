"""Bytecode is written beside the modules of an environment, and nowhere that its links lead to."""

import importlib.util
import sys
import zipfile
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


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An environment with one module, whose Python is another version than ours, and notes what it is run with."""
    (tmp_path / "prefix/bin").mkdir(parents=True)
    (tmp_path / "prefix/bin/python").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/ran\n')
    (tmp_path / "prefix/bin/python").chmod(0o755)
    (tmp_path / "prefix/lib/python3.99").mkdir(parents=True)
    (tmp_path / "prefix/lib/python3.99/own.py").write_text("x = 1\n")
    return tmp_path / "prefix"


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


def test_nothing_of_an_environment_runs_to_compile_modules_for_our_own_version(prefix: Path, tmp_path: Path) -> None:
    evil = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    (prefix / "bin/python").unlink()
    (prefix / "bin/python").write_text(f"#!/bin/sh\n: >{tmp_path}/ran\n")
    (prefix / "bin/python").chmod(0o755)
    for name in ("compileall", "struct", "sitecustomize"):
        (prefix / "lib" / VERSION / f"{name}.py").write_text(evil)
    with zipfile.ZipFile(prefix / f"lib/{VERSION.replace('.', '')}.zip", "w") as archive:
        archive.writestr("compileall.py", evil)
    compile_modules(prefix)
    assert not (tmp_path / "ran").exists()
    assert compiled(prefix) == ["compileall", "own", "sitecustomize", "struct"]


def test_the_bytecode_is_that_of_the_environment(prefix: Path) -> None:
    compile_modules(prefix)
    (module,) = prefix.rglob("own.*.pyc")
    assert module.name == f"own.{sys.implementation.cache_tag}.pyc"
    assert module.read_bytes().startswith(importlib.util.MAGIC_NUMBER)
    assert str(prefix / "lib" / VERSION / "own.py").encode() in module.read_bytes(), "as tracebacks show it"


def test_an_environment_of_another_version_compiles_its_modules_itself(other: Path, tmp_path: Path) -> None:
    compile_modules(other)
    ran = (tmp_path / "ran").read_text().split("\n")
    assert ran[:4] == ["-I", "-S", "-m", "compileall"]
    assert str(other / "lib/python3.99") in ran


@pytest.mark.parametrize("link", ["lib", "lib/python3.99", ""], ids=["all", "one", "old"])
def test_whoever_reads_the_log_is_told_what_is_not_compiled(
    other: Path, tmp_path: Path, link: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if link:
        (other / link).rename(tmp_path / "aside")
        (other / link).symlink_to(tmp_path / "aside")
    else:
        (other / "lib/python3.99").rename(other / "lib/python3.8")
    compile_modules(other)
    name = "python3.99" if link else "python3.8"
    assert f"The modules in lib/{name} are not compiled: " in capfd.readouterr().err


def test_a_second_name_of_the_modules_is_worth_no_word(prefix: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (prefix / "lib/python3.1").symlink_to(VERSION)
    compile_modules(prefix)
    assert capfd.readouterr().err == ""

"""This machine as a base: what programs ask for, and no more."""

import io
import os
import platform
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments.oci.elf import read_elf
from qhub_hub.environments.oci.machine import name_of_machine, of_this_machine
from qhub_hub.environments.oci.prefix import Prefix


def test_a_program_says_which_libraries_and_which_loader_it_wants() -> None:
    with open(os.path.realpath(sys.executable), "rb") as file:
        found = read_elf(file)
    assert found is not None
    assert "libc.so.6" in found.needed
    assert found.interpreter.startswith("/lib")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"\x7fELF\x02\x01" + rest))
def test_what_is_no_program_asks_for_nothing(content: bytes) -> None:
    found = read_elf(io.BytesIO(content))
    assert found is None or isinstance(found.needed, tuple)


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/sh", tmp_path / "bin/program")
    return Prefix(tmp_path)


def test_the_base_holds_the_loader_the_c_library_and_a_shell(prefix: Prefix) -> None:
    found = of_this_machine(prefix, list(prefix.entries()))
    names = {item.name: item for item in found.items}
    assert "libc.so.6" in found.libraries
    for path in ("/bin/sh", "/usr/bin/env", f"/lib/{platform.machine()}-linux-gnu/libc.so.6"):
        real = os.path.realpath(path)[1:]
        assert names[real].kind == "file"
    assert names["tmp"].mode == 0o1777
    assert [item.name for item in found.items] == sorted(names)
    assert found.missing == ()
    assert name_of_machine()


def test_a_library_that_the_environment_brings_is_not_taken_from_this_machine(prefix: Prefix) -> None:
    (prefix.folder / "lib").mkdir()
    (prefix.folder / "lib/libc.so.6").write_bytes(b"its own")
    found = of_this_machine(prefix, [entry for entry in prefix.entries() if entry.path != "bin/program"])
    # The shell still needs it.
    assert "libc.so.6" in found.libraries


def test_nothing_of_the_people_of_this_machine_is_in_it(prefix: Prefix) -> None:
    for item in of_this_machine(prefix, list(prefix.entries())).items:
        if item.name in ("etc/passwd", "etc/group") and item.content:
            with item.content() as content:
                assert content is not None
                assert content.file.read().count(b"\n") == 1

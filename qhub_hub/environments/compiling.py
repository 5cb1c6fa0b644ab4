"""Bytecode for the modules of an environment: nobody who uses it could write any."""

import os
import re
import subprocess
import sys
from pathlib import Path

_FIRST_CAREFUL = 9  # of Python 3, whose compileall can leave out what links lead to
_OURS = f"python{sys.version_info.major}.{sys.version_info.minor}"


def compile_modules(prefix: Path) -> None:
    """Write the bytecode of every module that came without, and of nothing that links out of the environment lead to.

    py-rattler 0.28 writes none, and whoever uses the environment can't: each start of a kernel would compile anew.
    What is not compiled is said on standard error, for the log.
    """
    for library in prefix.glob("lib/python3.*"):
        minor = re.match(r"python3\.(\d+)", library.name)
        if minor is None or (library.is_symlink() and _is_second_name(library)):
            continue
        if library.is_symlink() or library.parent.is_symlink():
            _say_left(library, "they lie behind a link")
        elif int(minor[1]) < _FIRST_CAREFUL:
            _say_left(library, f"Python's compiler follows links before 3.{_FIRST_CAREFUL}")
        else:
            _compile(library, prefix)


def _compile(library: Path, prefix: Path) -> None:
    # All releases of one minor version have the same bytecode, and any package could put code where the environment's
    # own Python looks for its first modules: what is installed is only read, wherever that is possible.
    python = sys.executable if library.name == _OURS else str(prefix / "bin/python")
    # Without `site`, which would run what packages put into .pth files.
    command = [python, "-I", "-S", "-m", "compileall", "-q", "-j", _processes()]
    # What does not compile (templates, code for other versions) would not run either.
    # S603: the program is a Python, which is no shell.
    subprocess.run(  # noqa: S603
        [*command, "-e", str(prefix), str(library)], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    )


def _is_second_name(library: Path) -> bool:
    """Whether it is another name of a folder beside it, which has its turn, too."""
    return re.fullmatch(r"python3\.\d+[^/]*", os.readlink(library)) is not None


def _say_left(library: Path, why: str) -> None:
    print(f"The modules in lib/{library.name} are not compiled: {why}.", file=sys.stderr)


def _processes() -> str:
    # Not one per core of a large node: each takes memory, and people's work comes first.
    return str(min(4, len(os.sched_getaffinity(0))))

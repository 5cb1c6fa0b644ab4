"""Bytecode for the modules of an environment: nobody who uses it could write any."""

import os
import re
import subprocess
import sys
from pathlib import Path

_FIRST_CAREFUL = 9  # of Python 3, whose compileall can leave out what links lead to


def compile_modules(prefix: Path) -> None:
    """Write the bytecode of every module that came without, and of nothing that links out of the environment lead to.

    py-rattler 0.28 writes none, and whoever uses the environment can't: each start of a kernel would compile anew.
    """
    for library in prefix.glob("lib/python3.*"):
        minor = re.match(r"python3\.(\d+)", library.name)
        if library.is_symlink() or library.parent.is_symlink() or minor is None or int(minor[1]) < _FIRST_CAREFUL:
            continue
        # Without `site`, which would run what packages put into .pth files.
        command = [str(prefix / "bin/python"), "-I", "-S", "-m", "compileall", "-q", "-j", _processes()]
        # What does not compile (templates, code for other versions) would not run either.
        # S603: the program is the environment's own Python, which is no shell.
        subprocess.run(  # noqa: S603
            [*command, "-e", str(prefix), str(library)], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )


def _processes() -> str:
    # Not one per core of a large node: each takes memory, and people's work comes first.
    return str(min(4, len(os.sched_getaffinity(0))))

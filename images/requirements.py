"""Prints what the project and some of its extras require: the layer of an image that no change of the code rebuilds.

usage: python3 requirements.py PYPROJECT EXTRA…
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def requirements(project: Mapping[str, Any], extras: Sequence[str]) -> Iterator[str]:
    """The project's own requirements, then those of the extras, with the project's mentions of itself resolved.

    Args:
        project: the `project` table of a pyproject.toml.
    """
    yield from project["dependencies"]
    waiting = list(extras)
    while waiting:
        for requirement in project["optional-dependencies"][waiting.pop(0)]:
            itself = re.fullmatch(re.escape(project["name"]) + r"\[([^]]+)\]", requirement)
            if itself:
                waiting += [name.strip() for name in itself[1].split(",")]
            else:
                yield requirement


if __name__ == "__main__":
    print(*requirements(tomllib.loads(Path(sys.argv[1]).read_text())["project"], sys.argv[2:]), sep="\n")

"""What is in a finished environment: its kernels, its Python, its size. Looked up once, by whoever built it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhub_hub.environments.manifest import Kernel, kernel_of

_LARGEST = 64 * 1024  # bytes of a kernel.json
_LAUNCHER = ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}")


def contents_of(prefix: Path, packages: Mapping[str, str]) -> dict[str, Any]:
    """What a record says of an environment, as JSON's own kinds.

    Args:
        packages: version by name.
    """
    return {
        "kernels": [asdict(kernel) for kernel in _kernels(prefix, packages)],
        "python": packages.get("python", ""),
        "size": _size(prefix),
        "activated": any(prefix.glob("etc/conda/activate.d/*.sh")),
    }


def _kernels(prefix: Path, packages: Mapping[str, str]) -> list[Kernel]:
    found = [_kernel(prefix, path) for path in sorted(prefix.glob("share/jupyter/kernels/*/kernel.json"))]
    if not any(kernel.language == "python" for kernel in found) and "ipykernel" in packages:
        # Some builds of ipykernel bring no kernel.json.
        found.append(Kernel("python3", "Python 3", "python", _LAUNCHER))
    return found


def _kernel(prefix: Path, path: Path) -> Kernel:
    name = path.parent.name
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_LARGEST))
        logos = sorted(logo.name for logo in path.parent.glob("logo-*"))
        title = content.get("display_name", name)
        kernel = kernel_of({**content, "name": name, "title": title, "logos": logos, "problem": ""})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return Kernel(name, name, problem=f"Its kernel.json ({name}) can't be read.")
    program = kernel.argv[0] if kernel.argv else ""
    if not program:
        return Kernel(name, kernel.title, kernel.language, problem=f"Its kernel {name} states no command.")
    if not os.access(prefix / "bin" / os.path.basename(program), os.X_OK):
        return Kernel(name, kernel.title, kernel.language, problem=f"Its kernel needs {program}, which is not in it.")
    return kernel


def _size(prefix: Path) -> int:
    # What many builds share through hard links is counted in each: it is what stays when the others go.
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, files in os.walk(prefix) for name in files)

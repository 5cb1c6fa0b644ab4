"""What is in an environment that conda-store has built.

Looked up by a process with no more rights than the builds have, as programs of packages made all that is read.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from qhub_hub.environments.access import BUILDER
from qhub_hub.environments.contents import contents_of
from qhub_hub.environments.manifest import Kernel, kernel_of

_WITHIN = 60.0  # seconds
_LARGEST = 32 * 2**20  # characters of the answer


class Uninspectable(Exception):
    """An environment that can't be looked into."""


def inspect(prefix: Path, own_ids: bool) -> dict[str, Any]:
    """Kernels, packages and the like of an environment, as `environments.manifest.Environment` names them.

    Raises:
        Uninspectable: it is none, or broken.
    """
    ids: dict[str, Any] = {"user": BUILDER, "group": BUILDER, "extra_groups": []} if own_ids else {}
    try:
        ended = subprocess.run(  # noqa: S603 - this Python
            [sys.executable, "-P", "-m", "qhub_hub.conda_store.inspection", str(prefix)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            timeout=_WITHIN,
            check=True,
            **ids,
        )
        found = json.loads(ended.stdout[:_LARGEST])
        kernels: tuple[Kernel, ...] = tuple(map(kernel_of, found["kernels"]))
        return {
            "kernels": kernels,
            "python": str(found["python"]),
            "packages": {str(name): str(version) for name, version in found["packages"].items()},
            "size": int(found["size"]),
            "activated": bool(found["activated"]),
        }
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Uninspectable(f"{prefix} can't be looked into ({type(error).__name__}).") from error


def packages_in(prefix: Path) -> dict[str, str]:
    """Version by name of all packages, which conda's records carry in their names."""
    names = (path.name.removesuffix(".json").rsplit("-", 2) for path in sorted(prefix.glob("conda-meta/*.json")))
    return {parts[0]: parts[1] for parts in names if len(parts) == 3}


def main() -> None:
    """Look into the environment that is named on the command line."""
    prefix = Path(sys.argv[1])
    packages = packages_in(prefix)
    print(json.dumps({**contents_of(prefix, packages), "packages": packages}))


if __name__ == "__main__":
    main()

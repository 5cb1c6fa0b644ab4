"""The command, called `conda` or `mamba` where conda-store and conda-lock look for it.

It knows `info`, `config`, `create --file LIST --prefix FOLDER` for a list of addresses with hashes, and `env export`.
"""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from rattler import Subdir

from qhub_hub.conda_store.rattler import REFUSED
from qhub_hub.conda_store.rattler.explicit import packages_in
from qhub_hub.conda_store.rattler.installing import create
from qhub_hub.environments.containment import Refused

VERSION = "24.11.0"
"""Of conda, whose answers these are like."""


def _run(words: list[str]) -> int:
    packages = Path(os.environ["CONDA_PKGS_DIRS"])
    if words[:1] == ["--version"]:
        print(f"conda {VERSION} (QHub's, by py-rattler)")
    elif words[:1] == ["info"]:
        packages.mkdir(parents=True, exist_ok=True)
        _show({"pkgs_dirs": [str(packages)], "platform": str(Subdir.current()), "conda_version": VERSION})
    elif words[:1] == ["config"]:
        _show({"pkgs_dirs": [str(packages)]})
    elif words[:1] == ["create"]:
        stated = _stated(words[1:])
        create(packages_in(stated.file.read_text(encoding="utf-8")), stated.prefix, packages)
    elif words[:2] == ["env", "export"]:
        _show(_export(_stated(words[2:]).prefix))
    else:
        raise Refused(f"QHub's conda command does not know {' '.join(words[:2])!r:.80}.")
    return 0


def _stated(words: list[str]) -> Any:
    parser = ArgumentParser()
    parser.add_argument("--file", type=Path)
    parser.add_argument("--prefix", type=Path, required=True)
    return parser.parse_known_args(words)[0]


def _export(prefix: Path) -> dict[str, Any]:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(prefix.glob("conda-meta/*.json"))]
    return {
        "name": prefix.name,
        "channels": sorted({str(record["channel"]) for record in records}),
        "dependencies": [f"{record['name']}={record['version']}={record['build']}" for record in records],
        "prefix": str(prefix),
    }


def _show(answer: dict[str, Any]) -> None:
    print(json.dumps(answer))


def main() -> NoReturn:
    """Do what was asked, and end without Python's own way of ending, which py-rattler 0.28 breaks."""
    os.umask(0o022)
    try:
        code = _run(sys.argv[1:])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Refused as refused:
        print(f"{REFUSED}{refused}", file=sys.stderr)
        code = 1
    except BaseException as error:  # whatever it is, whoever asked must see that it failed
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

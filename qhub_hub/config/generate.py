"""Writes what is made from the models: `python -m qhub_hub.config.generate [--check] [ROOT]`."""

import argparse
import json
import sys
from pathlib import Path

from qhub_hub.config.reference import reference
from qhub_hub.config.schema import schema


def generated() -> dict[str, str]:
    """Text of every generated file by its path in the repository."""
    return {
        "helm/values.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        "docs/reference/values.md": reference(),
    }


def stale(root: Path) -> list[str]:
    """Generated files below a checkout that are missing or not as they would be written now."""
    return [
        name
        for name, text in generated().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    ]


def write(root: Path) -> list[str]:
    """Write those that are stale; their names are returned."""
    changed = stale(root)
    for name in changed:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(generated()[name], encoding="utf-8")
    return changed


def main() -> int:
    """Exit status 0, or 1 where `--check` finds a stale file."""
    parser = argparse.ArgumentParser(description="Write the files that are made from the models.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the checkout; default: this folder")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something would be written")
    chosen = parser.parse_args()
    changed = stale(chosen.root) if chosen.check else write(chosen.root)
    for name in changed:
        sys.stderr.write(f"{name} is stale; run make generate\n" if chosen.check else f"{name} written\n")
    return 1 if chosen.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())

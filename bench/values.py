"""Reading a values file with 10,000 users, 2,000 groups and 200 profiles: merged, checked, every value with its line.

The rival is what reads YAML in the hubs around us: `yaml.safe_load`, which checks nothing and knows no lines.
Goal: less than 2 s. Run: `python bench/values.py`.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from qhub_hub.config import load_values

USERS, GROUPS, PROFILES, ROUNDS = 10_000, 2_000, 200, 3


def values() -> str:
    """A large site."""
    people = {
        f"person{n:05d}": {"uid": 110_000 + n, "displayName": f"Person {n}", "groups": [f"g{n % GROUPS}"]}
        for n in range(USERS)
    }
    groups = {f"g{n}": {"gid": 71_000 + n} for n in range(GROUPS)}
    profiles = {
        f"p{n}": {"order": n, "cpu": {"limit": 2}, "memory": {"limit": "4Gi"}, "allowedGroups": [f"g{n}"]}
        for n in range(PROFILES)
    }
    return yaml.safe_dump({"qhub": {"users": people, "groups": groups, "profiles": profiles}}, sort_keys=False)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.yaml")
        path.write_text(values())
        pairs = [
            (seconds(lambda: load_values(path)), seconds(lambda: yaml.safe_load(path.read_text())))
            for _ in range(ROUNDS)
        ]
        size = path.stat().st_size
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{USERS} users, {GROUPS} groups, {PROFILES} profiles: {size / 2**20:.1f} MiB")
    print(
        f"read, merged and checked in {ours:.2f} s (goal < 2); yaml.safe_load {theirs:.2f} s, ratio {ours / theirs:.2f}"
    )


if __name__ == "__main__":
    main()

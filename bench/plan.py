"""Microseconds per plan with 10,000 users, 2,000 groups and 200 profiles, against filtering profile dicts.

The other side is what people write as a `profile_list` callable for KubeSpawner: copy the list, keep what the
person's groups allow, find the chosen entry, merge its override. It checks no limit, mounts nothing and knows
no price; it is what a start costs before anything is decided. Run: `python bench/plan.py`.
"""

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

from qhub_hub.config.models import Config
from qhub_hub.environments.manifest import Catalogue, Environment
from qhub_hub.identity.model import Group, Identity
from qhub_hub.sessions import Request, make_plan, offers

USERS, GROUPS, PROFILES, OWN_GROUPS = 10_000, 2_000, 200, 20
GOAL = 200.0  # microseconds


def site() -> dict[str, Any]:
    """The `qhub` section of a large site."""
    groups = {f"g{n}": {"members": [f"u{n * 5 + k}" for k in range(5)]} for n in range(GROUPS)}
    sizes = {"half": {"share": "1/2"}, "quarter": {"share": "1/4"}}
    options = {
        "images": {"stable": {"image": "r/lab:1"}, "next": {"image": "r/lab:2"}},
        "sizes": sizes,
        "environments": ["global/*"],
    }
    return {
        "users": {f"u{n}": {} for n in range(USERS)},
        "groups": groups,
        "nodeGroups": {"user": {"cpu": 16, "memory": "64Gi", "price": 0.8}},
        # Only the last tenth is open to the person: the first open card comes late.
        "profiles": {
            f"p{n}": {"order": n, "allowedGroups": [f"g{n * 7}", f"g{n}"], "options": options} for n in range(PROFILES)
        },
        "limits": {
            "everyone": {"cpu": 64, "memory": "256Gi"},
            "groups": {f"g{n}": {"cpu": 99} for n in range(99)},
        },
        "culling": {"groups": {f"g{n}": {"idle": "2h"} for n in range(99)}},
        "environments": {"namespaces": {"global": {}}},
    }


def naive(profiles: list[dict[str, Any]], groups: list[str], slug: str) -> dict[str, Any]:
    """A start as a `profile_list` callable does it."""
    mine = [p for p in copy.deepcopy(profiles) if not p["groups"] or set(p["groups"]) & set(groups)]
    chosen = next(p for p in mine if p["slug"] == slug)
    return {"environment": {}, **chosen["kubespawner_override"]}


def microseconds(call: Callable[[], object], repeat: int) -> float:
    """Median over five rounds of the mean of `repeat` calls."""
    rounds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(repeat):
            call()
        rounds.append((time.perf_counter() - begun) / repeat * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Print a line per measurement."""
    config = Config.model_validate(site())
    names = [f"g{n}" for n in range(PROFILES - OWN_GROUPS, PROFILES)]
    groups = tuple(Group(name, name, 70_000 + n, name) for n, name in enumerate(names))
    identity = Identity("u1", "u1", 100_001, 100_001, groups, "u1", "/home/u1")
    catalogue: Catalogue = tuple(Environment("global", f"e{n}", f"/home/conda/global/envs/e{n}") for n in range(20))
    slug = f"p{PROFILES - 1}"
    dicts = [
        {
            "slug": key,
            "groups": list(profile.allowed_groups),
            "kubespawner_override": {
                "image": "r/lab:1",
                "cpu_limit": 4,
                "mem_limit": "16G",
                "node_selector": {},
            },
            "profile_options": {"image": {"choices": {"a": {}, "b": {}}}},
        }
        for key, profile in config.profiles.items()
    ]
    named = microseconds(lambda: make_plan(config, identity, Request(slug, size="half"), catalogue), 1000)
    default = microseconds(lambda: make_plan(config, identity, Request(), catalogue), 500)
    page = microseconds(lambda: offers(config, identity, catalogue), 20)
    other = microseconds(lambda: naive(dicts, names, slug), 20)
    print(f"{USERS} users, {GROUPS} groups, {PROFILES} profiles, a person in {OWN_GROUPS} groups")
    print(f"make_plan, profile named     {named:8.1f} us   goal {GOAL:.0f}")
    print(f"make_plan, first open card   {default:8.1f} us   goal {GOAL:.0f}")
    print(f"offers of the whole page     {page:8.1f} us")
    print(f"filtering profile dicts      {other:8.1f} us")
    print(f"ratio make_plan / filtering  {named / other:8.3f}")
    if max(named, default) > GOAL:
        raise SystemExit("make_plan is slower than its goal.")


if __name__ == "__main__":
    main()

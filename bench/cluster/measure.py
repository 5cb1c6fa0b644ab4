"""QHub's release against stock JupyterHub and KubeSpawner on the same cluster, in turns. `make bench-cluster`

The cluster is that of the current kubectl context; the images must be on it (`make e2e` puts them there).
"""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from release import ROOT, Release, ours, password_of, stock

GOAL = 0.75
TAILS = 1.3
INSTALL = "helm install, s"
NO_GOAL = (INSTALL,)  # a part of the next two


async def measure(release: Release, password: str, spawns: int, figures: dict[str, list[float]]) -> None:
    """One fresh installation, from `helm install` to its end."""
    async with release:
        figures[INSTALL].append(await release.install())
        figures["first sign-in, s"].append(await release.sign_in("ann", password or password_of(release)))
        await release.start("ann")
        figures["first server answers, s"].append(time.monotonic() - release.begun)
        await release.stop("ann")
        for _ in range(spawns):
            figures["spawn, s"].append(await release.start("ann"))
            figures["stop, s"].append(await release.stop("ann"))
        figures["memory of the hub's pod, MiB"].append(release.memory())


async def crowd(release: Release, password: str, people: int) -> tuple[float, float]:
    """Seconds until the median and the last of so many got their server, who press Start within ten seconds."""
    async with release:
        await release.install()
        await release.sign_in("ann", password or password_of(release))
        waits = await release.crowd(people, within=10)
        return statistics.median(waits), max(waits)


def show(name: str, mine: list[float], theirs: list[float]) -> None:
    """One line: medians, and their ratio."""
    own, other = statistics.median(mine), statistics.median(theirs)
    goal = "" if name in NO_GOAL else f" (goal <= {GOAL})"
    print(f"{name:32} {own:8.2f} {other:8.2f}   ratio {own / other:.2f}{goal}", flush=True)
    if len(mine) >= 20:
        for side, values in (("QHub", mine), ("stock", theirs)):
            tail = sorted(values)[round(0.95 * len(values)) - 1] / statistics.median(values)
            print(f"{'':32} {side}: p95 is {tail:.2f} of the median (goal for QHub <= {TAILS})", flush=True)


def rendering() -> None:
    """Seconds of `helm template`, and how many objects it gives by default."""
    begun = time.monotonic()
    text = subprocess.run(
        ["helm", "template", "qhub", str(ROOT / "helm")], capture_output=True, text=True, check=True
    ).stdout
    objects = text.count("\nkind: ")
    print(f"helm template: {time.monotonic() - begun:.2f} s (goal < 1), {objects} objects (goal <= 25)", flush=True)


async def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh installations of each; default: 3")
    parser.add_argument("--spawns", type=int, default=7, help="starts and stops in each; default: 7")
    parser.add_argument("--people", type=int, default=40, help="who press Start within ten seconds; 0: nobody")
    chosen = parser.parse_args()
    for tool in ("kubectl", "helm"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not on PATH.")
    rendering()
    figures: dict[str, dict[str, list[float]]] = {side: defaultdict(list) for side in ("QHub", "stock")}
    for round_ in range(chosen.rounds):
        for side, make in (("QHub", ours), ("stock", stock)):
            print(f"round {round_ + 1} of {chosen.rounds}: {side} …", file=sys.stderr, flush=True)
            release, password = make(f"bench-{side.lower()}-{round_}")
            await measure(release, password, chosen.spawns, figures[side])
    print(f"{'median':32} {'QHub':>8} {'stock':>8}")
    for name, mine in figures["QHub"].items():
        show(name, mine, figures["stock"][name])
    if chosen.people:
        for side, make in (("QHub", ours), ("stock", stock)):
            print(f"{chosen.people} people: {side} …", file=sys.stderr, flush=True)
            release, password = make(f"bench-{side.lower()}-crowd", crowd=True)
            middle, last = await crowd(release, password, chosen.people)
            print(
                f"{chosen.people} people within ten seconds, {side}: median {middle:.1f} s, last {last:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())

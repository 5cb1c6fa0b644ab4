"""Rendering the spawn page's form for 200 profiles, against KubeSpawner's own profile form with as many.

KubeSpawner's form is a list of radio buttons and selects from its packaged template; ours has prices, hardware, reasons
and styles besides. Goal: less than 20 ms of processor time. Run: `python bench/page.py`.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qhub_hub.hub.spawn_page import render_form
from qhub_hub.sessions import Amount, Choice, Hardware, Offer, Option, Price

PROFILES, ROUNDS = 200, 20
HARDWARE = Hardware(Amount(1, 2), Amount(2**30, 2**31), 0, "")
SIZES = Option("size", "Size", tuple(Choice(f"s{n}", f"Size {n}", HARDWARE, Price(0.1 * n, "USD")) for n in range(3)))
IMAGES = Option("image", "Image", tuple(Choice(f"i{n}", f"Image {n}") for n in range(3)))


def offer(number: int) -> Offer:
    """A card."""
    return Offer(
        profile=f"p{number}",
        title=f"Profile {number}",
        description="A sentence about what it is for.",
        hardware=HARDWARE,
        price=Price(0.25, "USD"),
        options=(SIZES, IMAGES),
        audience="Everyone",
        locked="",
    )


def milliseconds(call: Callable[[], object]) -> float:
    """Median processor time of a call."""
    call()
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        call()
        rounds.append((time.process_time() - begun) * 1000)
    return statistics.median(rounds)


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: none
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
"""


async def kube_spawner() -> Any:
    """A KubeSpawner that talks to no cluster; it wants a kubeconfig and a running loop all the same."""
    from kubespawner import KubeSpawner

    return KubeSpawner(_mock=True)


def main() -> None:
    cards = [offer(number) for number in range(PROFILES)]
    ours = milliseconds(lambda: render_form(cards, remembered={"profile": "p7"}))
    choices = {f"c{n}": {"display_name": f"Choice {n}", "kubespawner_override": {}} for n in range(3)}
    profiles = [
        {
            "display_name": f"Profile {n}",
            "slug": f"p{n}",
            "description": "A sentence about what it is for.",
            "profile_options": {name: {"display_name": name, "choices": dict(choices)} for name in ("size", "image")},
        }
        for n in range(PROFILES)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config")
        path.write_text(KUBECONFIG)
        os.environ["KUBECONFIG"] = str(path)  # read when kubernetes_asyncio is imported
        spawner = asyncio.run(kube_spawner())
    theirs = milliseconds(lambda: spawner._render_options_form(profiles))
    print(f"spawn form, {PROFILES} profiles: {ours:.1f} ms (goal < 20)")
    print(f"KubeSpawner's: {theirs:.1f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()

"""The watch on pods breaks and cannot be opened again for long: people start and stop, and nothing is lost.

KubeSpawner 7.1 gives a watch up after some fifty seconds. That this is survived takes a real minute, so by default the
watch is away for shorter; QHUB_WATCH_AWAY=60 takes the minute.
"""

import asyncio
import os
from typing import Any

import pytest

from qhub_hub.hub import kube_pods

AWAY = float(os.environ.get("QHUB_WATCH_AWAY", "3"))  # seconds


@pytest.mark.timeout(AWAY + 120)
async def test_a_watch_that_is_away_for_long_costs_nobody_a_server(
    kube_hub: Any, fake_kube: Any, created: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_pods, "_LOOK_AGAIN", 0.2)
    hub = await kube_hub(KubeSpawner={"poll_interval": 1})
    for name in ("ann", "bob", "eve"):
        assert (await hub.start_server(name)).status_code == 201
    before = fake_kube.get("pods", "jupyter-ann")

    fault = fake_kube.faults.watch_dropped(AWAY)
    assert (await hub.stop_server("bob")).status_code == 204
    fake_kube.delete("pods", "jupyter-eve", grace=0)
    assert (await hub.start_server("zoe")).status_code == 201
    while fault.active:
        assert (await hub.server("ann"))["ready"]
        await asyncio.sleep(0.2)

    await hub.until(lambda: _gone(hub, "eve"), 30)
    assert (await hub.start_server("bob")).status_code == 201
    assert (await hub.stop_server("zoe")).status_code == 204
    assert (await hub.server("ann"))["ready"]
    assert fake_kube.get("pods", "jupyter-ann")["metadata"]["uid"] == before["metadata"]["uid"]
    assert {pod["metadata"]["name"] for pod in fake_kube.pods()} == {"jupyter-ann", "jupyter-bob"}
    names = [pod["metadata"]["name"] for pod in created()]
    assert sorted(names) == ["jupyter-ann", "jupyter-bob", "jupyter-bob", "jupyter-eve", "jupyter-zoe"], "none twice"


async def _gone(hub: Any, name: str) -> bool:
    return not await hub.server(name)

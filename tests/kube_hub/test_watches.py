"""The hub's copy of pods and events: it follows them without asking for all of them again and again."""

from typing import Any

import pytest
from kubespawner import KubeSpawner


async def test_a_watch_that_has_ended_goes_on_where_it_was(kube_hub: Any, fake_kube: Any) -> None:
    hub = await kube_hub(ResourceReflector={"timeout_seconds": 1})
    await hub.start_server("ann")
    begun = len(fake_kube.calls)

    def asked(verb: str) -> set[str]:
        return {call.resource for call in fake_kube.calls[begun:] if call.verb == verb}

    async def both_again() -> bool:
        return asked("watch") == {"pods", "events"}

    await hub.until(both_again)
    assert (await hub.start_server("bob")).status_code == 201
    assert (await hub.stop_server("ann")).status_code == 204
    assert asked("list") == set()


@pytest.mark.parametrize("patience", [60, 12])
async def test_the_api_ends_a_watch_before_the_hub_takes_it_for_broken(kube_hub: Any, patience: int) -> None:
    hub = await kube_hub(ResourceReflector={"request_timeout": patience})
    await hub.start_server("ann")
    lengths = {watch.kind: watch.timeout_seconds for watch in KubeSpawner.reflectors.values()}
    assert lengths.keys() == {"pods", "events"}
    assert all(patience / 2 < length < patience for length in lengths.values())

"""What a day may cost, where several servers are asked for at once."""

import asyncio
from typing import Any

from .conftest import TEAM, Hub

# Two hours of a small server, and not three.
VALUES = TEAM.replace(
    "everyone: {servers: 2}", "everyone: {servers: 5, costPerDay: 1}\n    groups: {data: {costPerDay: 2}}"
).replace("      displayName: Small\n", "      displayName: Small\n      price: 0.8\n")


async def outcomes(hub: Hub, *servers: tuple[str, str]) -> list[int]:
    """Status of each of some starts that were asked for at the same time; 200 for all that were let in."""
    answers = await asyncio.gather(*(hub.start_server(who, {"profile": "small"}, server) for who, server in servers))
    return sorted(200 if answer.status_code in (201, 202) else answer.status_code for answer in answers)


async def test_of_two_starts_at_once_only_one_passes_where_only_one_fits(kube_hub: Any, tmp_path: Any) -> None:
    (tmp_path / "values.yaml").write_text(VALUES)
    hub = await kube_hub()
    await hub.add("ann")
    assert await outcomes(hub, ("ann", "one"), ("ann", "two")) == [200, 403]
    assert await outcomes(hub, ("ann", "three")) == [403], "neither does one right after it"


async def test_members_of_a_group_share_the_groups_day(kube_hub: Any, tmp_path: Any) -> None:
    (tmp_path / "values.yaml").write_text(VALUES.replace("costPerDay: 1}", "costPerDay: 9}"))
    hub = await kube_hub()
    await hub.add("ann", "bob")
    starts = [(who, server) for who in ("ann", "bob") for server in ("one", "two")]
    assert await outcomes(hub, *starts) == [200, 200, 403, 403]


async def test_a_start_that_fails_after_it_was_let_in_gives_its_hour_back(
    kube_hub: Any, tmp_path: Any, fake_kube: Any
) -> None:
    (tmp_path / "values.yaml").write_text(VALUES)
    hub = await kube_hub()
    site = hub.app.tornado_settings["qhub"]
    prepare = site.prepare

    async def fails(identity: Any) -> None:
        raise OSError

    site.prepare = fails
    assert await outcomes(hub, ("ann", "one")) == [503]
    site.prepare = prepare
    assert await outcomes(hub, ("ann", "one")) == [200]

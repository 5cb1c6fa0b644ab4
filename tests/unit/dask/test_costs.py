"""What a day may cost, as the gateway knows it: from the hub, and what the hub can't know yet."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from qhub_hub.dask.hub_api import HubUnavailable
from qhub_hub.dask.person import Person
from qhub_hub.dask.policy import PolicyMixin
from qhub_hub.sessions import ClusterRequest, Rejected, cluster_summary, make_cluster_plan

PRICED = {"small": {"cpu": {"limit": 1}, "memory": {"limit": "2Gi"}, "price": 2}}


class Running:
    """Clusters that are no more than records."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.log = SimpleNamespace(error=lambda *words: None)
        self.clusters: list[Any] = []

    async def list_clusters(self, username: str | None = None) -> list[Any]:
        return [cluster for cluster in self.clusters if username in (None, cluster.username)]


class Gateway(PolicyMixin, Running):
    """The hub says what is told it of a person."""

    def __init__(self, config: Any, told: Person | Exception) -> None:
        async def person(name: str) -> Person:
            if isinstance(told, Exception):
                raise told
            return told

        async def report(clusters: list[Any]) -> None: ...

        values = SimpleNamespace(config=config, catalogue=(), refresh=lambda log: None)
        super().__init__(SimpleNamespace(values=values, hub=SimpleNamespace(person=person, report=report)))

    def add(self, owner: Person, name: str) -> None:
        plan = make_cluster_plan(self.values.config, owner.identity, ClusterRequest())
        self.clusters.append(
            SimpleNamespace(
                name=name,
                username=owner.identity.name,
                config={"summary": cluster_summary(plan)},
                start_time=0,
                dashboard_address="",
            )
        )

    async def ask(self, person: Person) -> str:
        """The refusal of a cluster; empty: it would be started."""
        try:
            await self._decide(person, {"profile": "small"})
        except Rejected as rejected:
            return rejected.message
        return ""


@pytest.fixture
def site(config_of: Any) -> Any:
    return config_of(profiles=PRICED, limits={"everyone": {"costPerDay": 10}, "groups": {"data": {"costPerDay": 12}}})


def paid(person: Person, **costs: float) -> Person:
    return dataclasses.replace(person, paid_today={"" if name == "own" else name: cost for name, cost in costs.items()})


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"own": 8.0}, ""),
        ({"own": 8.5}, "Your servers and Dask clusters have cost 8.50 USD today"),
        ({"own": 1.0, "data": 11.0}, "The servers and Dask clusters of the members of data have cost 11.00 USD"),
        ({}, ""),
    ],
    ids=["fits", "her own limit", "her group's", "nothing was paid"],
)
async def test_what_the_hub_says_was_paid_counts(site: Any, person: Any, costs: dict[str, float], said: str) -> None:
    # Known for a minute: the answer that counts is asked for anew.
    known = paid(person("ann", "data"), own=0.0)
    assert (await Gateway(site, paid(known, **costs)).ask(known)).startswith(said)
    assert bool(await Gateway(site, paid(known, **costs)).ask(known)) is bool(said)


async def test_clusters_count_for_an_hour_before_the_hub_has_heard_of_them_and_not_twice(
    site: Any, person: Any
) -> None:
    ann, bob = paid(person("ann", "data"), own=0.0), person("bob", "data")
    gateway = Gateway(site, ann)
    for number in range(4):
        gateway.add(ann, f"anns{number}")
    assert await gateway.ask(ann) == ""
    gateway.add(bob, "bobs")
    gateway.add(bob, "bobs-too")
    assert (await gateway.ask(ann)).startswith("The servers and Dask clusters of the members of data have cost 12.00")
    await gateway.sweep()
    assert await gateway.ask(ann) == ""


@pytest.mark.parametrize("told", [HubUnavailable("down"), None], ids=["the hub is away", "its record is"])
async def test_while_nobody_can_say_what_was_paid_no_cluster_is_started(
    site: Any, config_of: Any, person: Any, told: Exception | None
) -> None:
    ann = person("ann")
    said = "What you used today can't be looked up now"
    assert (await Gateway(site, told or ann).ask(ann)).startswith(said)
    assert await Gateway(config_of(profiles=PRICED), told or ann).ask(ann) == ""

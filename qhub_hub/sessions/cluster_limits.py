"""The most that people and groups may use in Dask clusters: refused at the start, and clipped while they scale."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import DaskLimit
from qhub_hub.config.quantities import show_bytes
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.limits import added_up, applying_limits
from qhub_hub.sessions.prices import show_cost
from qhub_hub.sessions.rejection import Rejected

_NAMES = ("clusters", "workers", "cpu", "memory", "gpu", "price_per_hour")
_WRITTEN = {"price_per_hour": "pricePerHour"}


@dataclass(frozen=True, slots=True)
class Share:
    """What clusters, or a part of one, take of the limits.

    Args:
        cpu: guaranteed cores.
        memory: guaranteed bytes.
        price_per_hour: in the currency of `prices`.
    """

    clusters: int = 0
    workers: int = 0
    cpu: float = 0.0
    memory: int = 0
    gpu: int = 0
    price_per_hour: float = 0.0

    def __add__(self, other: "Share") -> "Share":
        return Share(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    def times(self, count: int) -> "Share":
        """So many of these."""
        return Share(*(getattr(self, name) * count for name in _NAMES))


NOTHING = Share()


@dataclass(frozen=True, slots=True)
class ClusterUsage:
    """What clusters take now. Who is missing uses nothing.

    Args:
        people: by hub user name.
        groups: of all members of a group together, by full name.
        paid_by_people, paid_by_groups: since midnight UTC for servers and clusters, in the currency of `prices`.
    """

    people: Mapping[str, Share] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Share] = field(default_factory=lambda: MappingProxyType({}))
    paid_by_people: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    paid_by_groups: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, running: Iterable[tuple[str, Iterable[str], Share]]) -> Self:
        """Add up running clusters.

        Args:
            running: hub user name of the owner, full names of the owner's groups and share of each cluster.
        """
        return cls(*added_up(running, NOTHING))

    def with_cost_today(self, people: Mapping[str, float], groups: Mapping[str, float]) -> "ClusterUsage":
        """The same, with more that was paid since midnight UTC.

        Args:
            people: by hub user name, in the currency of `prices`.
            groups: of all members of a group together, by full name.
        """
        return replace(
            self,
            paid_by_people=_summed(self.paid_by_people, people),
            paid_by_groups=_summed(self.paid_by_groups, groups),
        )

    def with_hours_of(self, running: Iterable[tuple[str, Iterable[str], float]]) -> "ClusterUsage":
        """The same, with an hour each of clusters that no record holds yet.

        Args:
            running: hub user name of the owner, full names of the owner's groups and price per hour of each.
        """
        return self.with_cost_today(*added_up(running, 0.0))


def _summed(paid: Mapping[str, float], more: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType({**paid, **{name: paid.get(name, 0.0) + cost for name, cost in more.items()}})


NO_CLUSTERS = ClusterUsage()


def limiting_groups(config: Config, identity: Identity) -> frozenset[str]:
    """The groups whose members' clusters count where somebody asks for one, by full name."""
    return frozenset(group for group, *_ in applying_limits(config, identity) if group)


def check_cluster_limits(config: Config, identity: Identity, first: Share, usage: ClusterUsage) -> None:
    """Let a cluster pass that fits every limit with one worker, and costs per day with an hour of it.

    Args:
        first: of the cluster with its scheduler and one worker.

    Raises:
        Rejected: reason `limit`; names the limit, what is used and what was asked.
    """
    for group, key, limit in applying_limits(config, identity):
        used = _used(identity, group, usage)
        if limit.cost_per_day is not None:
            paid = usage.paid_by_groups.get(group, 0.0) if group else usage.paid_by_people.get(identity.name, 0.0)
            _check_cost(config, (group, f"{key}.costPerDay"), limit.cost_per_day, paid, first.price_per_hour)
        for name in _NAMES:
            most, now, more = getattr(limit.dask, name), getattr(used, name), getattr(first, name)
            if most is not None and more and round(now + more, 6) > most:
                who = f"The Dask clusters of the members of {group}" if group else "Your Dask clusters"
                currency = config.prices.currency
                raise Rejected(
                    "limit",
                    f"{who} use {_show(name, now, currency)} of at most {_show(name, most, currency)}, and this one "
                    f"needs {_show(name, more, currency)} more with one worker "
                    f"({key}.dask.{_WRITTEN.get(name, name)}). Shut another one down first, or choose a smaller size.",
                )


def _check_cost(config: Config, limit: tuple[str, str], most: float, paid: float, price: float) -> None:
    # As for servers: what is free is not held up by what was paid before.
    if not price or round(paid + price, 6) <= most:
        return
    (group, key), currency = limit, config.prices.currency
    who = f"The servers and Dask clusters of the members of {group}" if group else "Your servers and Dask clusters"
    raise Rejected(
        "limit",
        f"{who} have cost {show_cost(paid, currency)} today (UTC) of at most {show_cost(most, currency)} a day, and an "
        f"hour of this one costs {show_cost(price, currency)} more with one worker ({key}). Choose a cheaper profile "
        "or a smaller size, or start it after midnight UTC.",
    )


def workers_that_fit(
    config: Config, identity: Identity, empty: Share, worker: Share, usage: ClusterUsage = NO_CLUSTERS
) -> int | None:
    """How many workers a cluster may have.

    Args:
        empty: of the cluster without any worker.
        worker: of one worker.
        usage: of all other clusters.

    Returns:
        None: no limit says anything.
    """
    found = []
    for group, _, limit in applying_limits(config, identity):
        used = _used(identity, group, usage) + empty
        for name in _NAMES:
            most, each = getattr(limit.dask, name), getattr(worker, name)
            if most is not None and each:
                found.append(max(0, math.floor(round((most - getattr(used, name)) / each, 6))))
    return min(found, default=None)


def smallest(config: Config, identity: Identity, name: str) -> float | None:
    """The smallest limit of one kind that applies to somebody; None: there is none.

    Args:
        name: a field of `DaskLimit`.
    """
    limits: list[DaskLimit] = [limit.dask for _, _, limit in applying_limits(config, identity)]
    stated = [amount for limit in limits if (amount := getattr(limit, name)) is not None]
    return min(stated, default=None)


def _used(identity: Identity, group: str, usage: ClusterUsage) -> Share:
    return usage.groups.get(group, NOTHING) if group else usage.people.get(identity.name, NOTHING)


def _show(name: str, amount: float, currency: str) -> str:
    if name == "memory":
        return show_bytes(int(amount))
    if name == "price_per_hour":
        return f"{show_cost(amount, currency)} per hour"
    singular, plural = {
        "clusters": ("cluster", "clusters"),
        "workers": ("worker", "workers"),
        "cpu": ("core", "cores"),
        "gpu": ("GPU", "GPUs"),
    }[name]
    return f"{amount:g} {singular if amount == 1 else plural}"

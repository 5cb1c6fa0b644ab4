"""QHub's figures on the hub's `/metrics`: how starts go, and what runs now, by profile and by group."""

from collections import Counter as Sum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from qhub_hub.config.models import Config
from qhub_hub.hub.running import decided_of
from qhub_hub.sessions import PlanSummary
from qhub_hub.sessions.rejection import Reason

OTHER = "other"
"""Stands for whatever the values file does not name: a label per word that somebody sent would fill the monitor."""

OUTCOMES = frozenset({"started", "failed", *get_args(Reason)})


class Spawns:
    """Counts starts.

    Args:
        registry: where the counter is registered; once per registry.
        config: gives the values in force.
    """

    def __init__(self, registry: CollectorRegistry, config: Callable[[], Config]) -> None:
        self._config = config
        self._counter = Counter(
            "qhub_spawns",
            "Starts of servers by profile and by what came of them: started, failed, or the reason of the refusal.",
            ["profile", "outcome"],
            registry=registry,
        )

    def spawned(self, profile: str, outcome: str) -> None:
        """Count one.

        Args:
            profile: its key; empty: none was decided on.
            outcome: one of `OUTCOMES`.
        """
        known = self._config().profiles
        self._counter.labels(
            profile if profile in known else OTHER if profile else "", outcome if outcome in OUTCOMES else OTHER
        ).inc()


class Running(Collector):
    """What runs at the moment of the question.

    Args:
        plans: of the servers that run now.
        config: gives the values in force.
    """

    def __init__(self, plans: Callable[[], Iterable[PlanSummary]], config: Callable[[], Config]) -> None:
        self._plans = plans
        self._config = config

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The names alone, so that registering asks nothing."""
        return _gauges(Sum(), Sum(), {})

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge after the other. Profiles and groups of the values file are there also when nothing runs."""
        config = self._config()
        profiles = Sum(dict.fromkeys(config.profiles, 0))
        groups = Sum(dict.fromkeys(config.groups, 0))
        prices: dict[str, float] = {config.prices.currency: 0.0}
        for decided in self._plans():
            profiles[_bounded(decided.profile, config.profiles)] += 1
            groups.update({_bounded(group, config.groups) for group in decided.groups})
            if decided.price is not None:
                prices[decided.price.currency] = prices.get(decided.price.currency, 0.0) + decided.price.per_hour
        yield from _gauges(profiles, groups, prices)


def _gauges(
    profiles: Mapping[str, int], groups: Mapping[str, int], prices: Mapping[str, float]
) -> list[GaugeMetricFamily]:
    by_profile = GaugeMetricFamily("qhub_running_servers", "Running servers by profile.", labels=["profile"])
    by_group = GaugeMetricFamily(
        "qhub_running_servers_of_group",
        "Running servers by group of their owners; who is in several groups counts in each.",
        labels=["group"],
    )
    price = GaugeMetricFamily(
        "qhub_running_price_per_hour", "What an hour of all running servers costs.", labels=["currency"]
    )
    for family, values in ((by_profile, profiles), (by_group, groups), (price, prices)):
        for label, value in values.items():
            family.add_metric([label], value)
    return [by_profile, by_group, price]


def _bounded(label: str, known: Collection[str]) -> str:
    return label if label in known else OTHER


def running_plans(users: Mapping[Any, Any]) -> Iterator[PlanSummary]:
    """Plans of the servers that are up, of the hub's users."""
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            decided = decided_of(spawner) if spawner.ready else None
            if decided is not None:
                yield decided

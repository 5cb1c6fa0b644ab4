"""What a monitor reads on /metrics: every label is one that the values file names."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from qhub_hub.config.models import Config
from qhub_hub.hub.metrics import Running, Spawns
from qhub_hub.sessions import Amount, Hardware, IdlePolicy, PlanSummary, Price

CONFIG = Config.model_validate(
    {"groups": {"data": {}, "ml": {}}, "nodeGroups": {"user": {}}, "profiles": {"small": {}, "gpu": {}}}
)


def plan(profile: str, price: Price | None, *groups: str) -> PlanSummary:
    nothing = Hardware(Amount(None, None), Amount(None, None), 0, "")
    return PlanSummary(profile, profile, {}, nothing, price, IdlePolicy(0, 0, 0, 0, ""), "user", groups)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_what_runs_is_counted_by_profile_and_group_and_summed_in_money(registry: CollectorRegistry) -> None:
    plans = [
        plan("small", Price(0.5, "USD"), "data", "ml"),
        plan("small", None, "data"),
        plan("removed", Price(1.5, "USD"), "from-provider-1", "from-provider-2"),
    ]
    registry.register(Running(lambda: plans, lambda: CONFIG))
    values = {
        ("qhub_running_servers", "profile", "small"): 2,
        ("qhub_running_servers", "profile", "gpu"): 0,
        ("qhub_running_servers", "profile", "other"): 1,
        ("qhub_running_servers_of_group", "group", "data"): 2,
        ("qhub_running_servers_of_group", "group", "ml"): 1,
        ("qhub_running_servers_of_group", "group", "other"): 1,
        ("qhub_running_price_per_hour", "currency", "USD"): 2.0,
    }
    assert {key: registry.get_sample_value(key[0], {key[1]: key[2]}) for key in values} == values
    assert "from-provider" not in generate_latest(registry).decode()


def test_starts_are_counted_and_foreign_words_never_become_labels(registry: CollectorRegistry) -> None:
    spawns = Spawns(registry, lambda: CONFIG)
    for profile, outcome in (
        ("small", "started"),
        ("small", "started"),
        ("", "limit"),
        ("x" * 99, "port"),
        ("gpu", "?"),
    ):
        spawns.spawned(profile, outcome)
    counted = {
        (sample.labels["profile"], sample.labels["outcome"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "qhub_spawns_total"
    }
    assert counted == {
        ("small", "started"): 2,
        ("", "limit"): 1,
        ("other", "other"): 1,
        ("gpu", "other"): 1,
    }

"""What the culler's arbiter decides, and how often it looks."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.hub.culling import arbiter, cull_every, fallback, somebody_is_due
from qhub_hub.sessions import read_summary

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def server(age: float = 0, **idle: Any) -> dict[str, Any]:
    """The hub's model of a server that was started `age` seconds ago with these rules."""
    rules = {"idle": 0, "max_age": 0, "kernel_idle": 0, "terminal_idle": 0, "source": "culling.idle", **idle}
    kept = {
        "version": 1,
        "profile": "small",
        "title": "Small",
        "choices": {"profile": "small"},
        "hardware": {
            "cpu": {"guarantee": None, "limit": None},
            "memory": {"guarantee": None, "limit": None},
            "gpu": 0,
            "gpu_type": "",
        },
        "price": None,
        "idle": rules,
        "node_group": "user",
        "groups": [],
    }
    started = (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    return {"started": started, "state": {"qhub": kept} if idle else {}}


def ends(model: dict[str, Any], inactive: float | None, limit: float = 3600) -> bool:
    idle = None if inactive is None else timedelta(seconds=inactive)
    return arbiter(inactive=idle, inactive_limit=limit, server=model, now=NOW)


@pytest.mark.parametrize(
    ("model", "inactive", "expected"),
    [
        (server(idle=60), 59, False),
        (server(idle=60), 60, True),
        (server(idle=60), None, False),
        (server(idle=0, age=10**6), 10**6, False),
        (server(max_age=100, age=99), 0, False),
        (server(max_age=100, age=100), 0, True),
        (server(max_age=100, age=100), None, True),
        (server(idle=60, max_age=100, age=50), 60, True),
        (server(age=10**6), 3599, False),
        (server(age=10**6), 3600, True),
        ({"started": None, "state": server(max_age=1, idle=0)["state"]}, 5, False),
        ({"started": None, "state": None}, 3600, True),
        ({"started": None, "state": {"qhub": {"idle": "forged"}}}, 3600, True),
        ({}, 3599, False),
    ],
    ids=[
        *("before its limit", "at its limit", "activity unknown", "never", "young", "old", "old and activity unknown"),
        *("idle wins", "no plan: the default holds", "no plan: the default ends it", "start unknown", "no state"),
        *("damaged state", "no state in the model"),
    ],
)
def test_a_server_ends_when_its_own_rule_says_so(model: dict[str, Any], inactive: float | None, expected: bool) -> None:
    assert ends(model, inactive) is expected


def test_where_nothing_is_culled_by_default_a_server_without_a_plan_goes_on() -> None:
    assert not ends(server(), 10**9, limit=0)


def hub_users(model: dict[str, Any], inactive: float | None, ready: bool = True) -> dict[int, Any]:
    """The same server as the hub has it, beside one that nobody has used for ever but that starts or stops."""
    now = NOW.replace(tzinfo=None)
    started = datetime.fromisoformat(model["started"]).replace(tzinfo=None) if model.get("started") else None
    active = None if inactive is None else now - timedelta(seconds=inactive)
    decided = read_summary((model.get("state") or {}).get("qhub"))
    stored = SimpleNamespace(started=started, last_activity=active)
    pending = SimpleNamespace(ready=False, decided=decided, orm_spawner=SimpleNamespace(started=NOW, last_activity=NOW))
    return {
        1: SimpleNamespace(spawners={"": pending}),
        2: SimpleNamespace(spawners={"": SimpleNamespace(ready=ready, decided=decided, orm_spawner=stored)}),
    }


@given(
    model=st.builds(
        server,
        age=st.integers(0, 100),
        idle=st.integers(0, 100),
        max_age=st.integers(0, 100),
    )
    | st.builds(server, age=st.integers(0, 100)),
    inactive=st.none() | st.integers(0, 100),
    limit=st.integers(0, 100),
)
def test_the_culler_is_called_exactly_when_it_would_end_a_server(
    model: dict[str, Any], inactive: int | None, limit: int
) -> None:
    now = NOW.replace(tzinfo=None)
    # Without activity, the culler counts from the start.
    counted = (NOW - datetime.fromisoformat(model["started"])).total_seconds() if inactive is None else inactive
    assert somebody_is_due(hub_users(model, inactive), limit, now) is ends(model, counted, limit)
    assert not somebody_is_due(hub_users(model, inactive, ready=False), limit, now)


@given(idle=st.integers(1, 10**6), more=st.integers(0, 10**6), inactive=st.integers(0, 10**6))
def test_a_longer_limit_never_ends_a_server_sooner(idle: int, more: int, inactive: int) -> None:
    if ends(server(idle=idle + more), inactive):
        assert ends(server(idle=idle), inactive)


@pytest.mark.parametrize(
    ("culling", "seconds"),
    [
        ({"idle": 3600}, 60),
        ({"idle": 0}, 60),
        ({"idle": 0, "users": {"ann": {"idle": 40}}}, 20),
        ({"groups": {"data": {"maxAge": 12}}}, 6),
        ({"idle": 2}, 5),
    ],
    ids=["an hour", "never", "one person", "one group's age", "seconds"],
)
def test_the_culler_looks_twice_in_the_shortest_limit(culling: dict[str, Any], seconds: int) -> None:
    assert cull_every(Config.model_validate({"culling": culling})) == seconds


@pytest.mark.parametrize(("culling", "seconds"), [({"idle": 90}, 90), ({"idle": 90, "enabled": False}, 0)])
def test_servers_without_a_plan_follow_the_default_only_where_culling_is_on(
    culling: dict[str, Any], seconds: int
) -> None:
    assert fallback(Config.model_validate({"culling": culling})) == seconds

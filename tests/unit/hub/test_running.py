"""What counts as running: for limits and for the administrators' table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from qhub_hub.hub.running import running_servers, usage_of
from qhub_hub.sessions import Used, read_summary

GIB = 1 << 30


def kept(cores: float = 1, groups: tuple[str, ...] = ("data",)) -> dict[str, Any]:
    """What the state of a planned server says."""
    return {
        "version": 1,
        "profile": "small",
        "title": "Small",
        "choices": {"profile": "small"},
        "hardware": {
            "cpu": {"guarantee": cores, "limit": cores},
            "memory": {"guarantee": GIB, "limit": GIB},
            "gpu": 0,
            "gpu_type": "",
        },
        "price": {"per_hour": 0.5, "currency": "EUR", "source": "prices"},
        "idle": {"idle": 0, "max_age": 0, "kernel_idle": 0, "terminal_idle": 0, "source": ""},
        "node_group": "user",
        "groups": list(groups),
    }


@dataclass
class Orm:
    started: datetime | None = datetime(2026, 1, 2, 3, 4, 5)


@dataclass(eq=False)
class Spawner:
    """What is looked at in one of the hub's spawners."""

    state: Any = None
    name: str = ""
    active: bool = True
    ready: bool = True
    orm_spawner: Orm = field(default_factory=Orm)

    @property
    def decided(self) -> Any:
        return read_summary(self.state)


@dataclass(eq=False)
class Foreign:
    """A spawner that makes no plans."""

    name: str = ""
    active: bool = True
    ready: bool = True
    orm_spawner: Orm = field(default_factory=Orm)


class User:
    def __init__(self, name: str, *spawners: Any) -> None:
        self.name = name
        self.spawners = {spawner.name: spawner for spawner in spawners}


def usage(*users: User, without: object = None, groups: tuple[str, ...] = ()) -> Any:
    """What counts for a start of the first of them."""
    return usage_of(dict(enumerate(users)), without, users[0], frozenset(groups))


def test_running_servers_add_up_by_person_and_by_group_with_a_limit() -> None:
    people = User("ann", Spawner(kept(2)), Spawner(kept(1), "b")), User("bob", Spawner(kept(0.5, ("data", "ml"))))
    found = usage(*people, groups=("data", "ml", "gpu"))
    assert found.people == {"ann": Used(2, 3.0, 2 * GIB, 0)}
    assert found.groups == {"data": Used(3, 3.5, 3 * GIB, 0), "ml": Used(1, 0.5, GIB, 0)}
    assert usage(*people, groups=("ml",)).groups == {"ml": Used(1, 0.5, GIB, 0)}


def test_without_a_limited_group_nobody_elses_servers_are_looked_at() -> None:
    class Unseen:
        @property
        def spawners(self) -> Any:
            raise AssertionError("a start must not cost more the more servers run")

    assert usage(User("ann", Spawner(kept())), Unseen()).people["ann"].servers == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spawner", "servers"),
    [
        (Spawner(kept(), active=False, ready=False), 0),
        (Spawner(kept(), ready=False), 1),
        (Spawner(None, ready=False), 0),
        (Spawner(None), 1),
        (Spawner({"version": 99}), 1),
        (Spawner({"version": 1, "hardware": "forged"}), 1),
        (Foreign(), 1),
    ],
    ids=["stopped", "starting", "not planned yet", "no plan", "a newer plan", "damaged plan", "another spawner"],
)
def test_a_running_server_counts_even_where_its_plan_is_lost(spawner: Any, servers: int) -> None:
    assert usage(User("ann", spawner)).people.get("ann", Used()).servers == servers


def test_the_server_that_is_being_started_does_not_count_twice() -> None:
    mine = Spawner(kept())
    assert usage(User("ann", mine, Spawner(kept(), "b")), without=mine).people["ann"].servers == 1


def test_the_table_is_oldest_first_and_says_what_is_known() -> None:
    old, new = Spawner(kept(), "b", orm_spawner=Orm(datetime(2025, 1, 1))), Spawner(kept())
    rows = running_servers({1: User("ann", new), 2: User("bob", old, Foreign(orm_spawner=Orm(None)))})
    assert [(row["user"], row["server"], row["started"]) for row in rows] == [
        ("bob", "", ""),
        ("bob", "b", "2025-01-01T00:00:00Z"),
        ("ann", "", "2026-01-02T03:04:05Z"),
    ]
    assert (rows[2]["title"], rows[2]["price"]) == ("Small", "0.50 EUR per hour")
    assert rows[0]["title"] == ""

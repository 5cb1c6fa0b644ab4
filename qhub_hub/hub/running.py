"""What runs now: for limits, and for the administrators' table."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from qhub_hub.hub.spawn_page import describe_hardware, describe_price
from qhub_hub.sessions import PlanSummary, Usage, Used, read_summary


def _active(users: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, PlanSummary | None]]:
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            if spawner.active:
                yield user, spawner, read_summary(getattr(spawner, "summary", lambda: None)())


def usage_of(users: Mapping[Any, Any], without: Any, groups_of: Callable[[Any], frozenset[str]]) -> Usage:
    """What the owner of a server and their groups use now.

    Args:
        users: the hub's users.
        without: the spawner that is being started; it counts as the new server, not as a running one.
        groups_of: names of a hub user's groups.
    """
    mine = groups_of(without.user)
    person, groups = Used(), dict.fromkeys(mine, Used())
    for user, spawner, decided in _active(users):
        if spawner is without:
            continue
        used = _used(decided)
        if user.name == without.user.name:
            person = _sum(person, used)
        for name in mine & groups_of(user):
            groups[name] = _sum(groups[name], used)
    return Usage(person, MappingProxyType(groups))


def _used(decided: PlanSummary | None) -> Used:
    if decided is None:  # started by an older hub: it counts as a server, of unknown size
        return Used(servers=1)
    cpu, memory = decided.hardware.cpu, decided.hardware.memory
    return Used(1, cpu.guarantee or 0.0, int(memory.guarantee or 0), decided.hardware.gpu)


def _sum(one: Used, other: Used) -> Used:
    return Used(
        one.servers + other.servers, one.cpu + other.cpu, one.memory + other.memory, one.gpu + other.gpu
    )


def running_servers(users: Mapping[Any, Any]) -> list[dict[str, str]]:
    """A row per server for the administrators' table, oldest first."""
    rows = []
    for user, spawner, decided in _active(users):
        started = spawner.orm_spawner.started
        rows.append(
            {
                "user": user.name,
                "server": spawner.name,
                "title": decided.title if decided else "",
                "hardware": ", ".join(describe_hardware(decided.hardware)) if decided else "",
                "price": describe_price(decided.price) if decided else "",
                "started": started.isoformat(timespec="seconds") + "Z" if started else "",
            }
        )
    return sorted(rows, key=lambda row: row["started"])

"""What runs now: for limits, and for the administrators' table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qhub_hub.sessions import Amount, Hardware, PlanSummary, Usage, read_summary

_UNSTATED = Hardware(cpu=Amount(None, None), memory=Amount(None, None), gpu=0, gpu_type="")


@dataclass(frozen=True)
class _Unknown:
    """A server whose plan was lost, with an older hub's state for example: it counts as one, of unknown size."""

    hardware: Hardware = _UNSTATED
    groups: tuple[str, ...] = ()


def decided_of(spawner: Any) -> PlanSummary | None:
    """What was decided for a spawner's server; None: nothing yet, or its plan was lost."""
    return read_summary(getattr(spawner, "summary", lambda: None)())


def _active(users: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, PlanSummary | None]]:
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            if spawner.active:
                yield user, spawner, decided_of(spawner)


def usage_of(users: Mapping[Any, Any], without: object) -> Usage:
    """What people and groups use now.

    Args:
        users: the hub's users.
        without: the spawner that is being started; it counts as the new server, not as a running one.
    """
    return Usage.of(
        (user.name, decided or _Unknown())
        for user, spawner, decided in _active(users)
        # One that starts and has no plan yet does not count: it will ask for itself.
        if spawner is not without and (decided is not None or spawner.ready)
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
                "hardware": decided.hardware_text if decided else "",
                "price": decided.price_text if decided else "",
                "started": started.isoformat(timespec="seconds") + "Z" if started else "",
            }
        )
    return sorted(rows, key=lambda row: row["started"])

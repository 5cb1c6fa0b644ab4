"""What runs now: for limits, and for the administrators' table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qhub_hub.sessions import Amount, Hardware, PlanSummary, Usage

_UNSTATED = Hardware(cpu=Amount(None, None), memory=Amount(None, None), gpu=0, gpu_type="")


@dataclass(frozen=True)
class _Unknown:
    """A server whose plan was lost, with an older hub's state for example: it counts as one, of unknown size."""

    hardware: Hardware = _UNSTATED
    groups: tuple[str, ...] = ()


def decided_of(spawner: Any) -> PlanSummary | None:
    """What was decided for a spawner's server; None: nothing yet, or its plan was lost."""
    # A site's own spawner class makes no plans.
    decided: PlanSummary | None = getattr(spawner, "decided", None)
    return decided


def _active(users: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, PlanSummary | None]]:
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            if spawner.active:
                yield user, spawner, decided_of(spawner)


def usage_of(users: Mapping[Any, Any], without: object, owner: Any, groups: frozenset[str]) -> Usage:
    """What a person uses now, and what all members of some groups use together.

    Args:
        users: the hub's users.
        without: the spawner that is being started; it counts as the new server, not as a running one.
        owner: the person, one of the users.
        groups: full names of the groups with a limit. Where there is none, nobody else's servers are looked at.
    """
    own = Usage.of(
        (owner.name, decided_of(spawner) or _Unknown())
        for spawner in list(owner.spawners.values())
        if spawner is not without and _counts(spawner)
    )
    shared = Usage.of(("", decided) for decided in _of_members(users, without, groups)) if groups else Usage()
    return Usage(own.people, {name: used for name, used in shared.groups.items() if name in groups})


def _counts(spawner: Any) -> bool:
    # One that starts and has no plan yet does not count: it will ask for itself.
    return bool(spawner.ready or (spawner.active and decided_of(spawner) is not None))


def _of_members(users: Mapping[Any, Any], without: object, groups: frozenset[str]) -> Iterator[PlanSummary]:
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            decided = decided_of(spawner)
            # In this order: of a thousand servers most are of other groups, and the last question costs most.
            if decided is None or spawner is without or groups.isdisjoint(decided.groups):
                continue
            if spawner.active:
                yield decided


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

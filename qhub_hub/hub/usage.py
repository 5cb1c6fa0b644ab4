"""The record of what ran: a row per server run, for costs and reports. Hub and command line read the same one.

SQLite or PostgreSQL, beside the hub's own database. A run is written when it is planned and closed when it ends; one
whose hub died is closed at the next start with the time at which it was last seen.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

import sqlalchemy as sa

from qhub_hub.hub.usage_database import GROUPS, RUNS, UsageDatabase, counted_hours, overlapping
from qhub_hub.sessions import IdlePolicy, PlanSummary

Reason = Literal["stopped", "idle", "max-age", "revoked", "failed", "died", "hub-died"]
"""Why a run ended: somebody stopped it, a limit did, a lost right, it never started, it or the hub died."""

# Every start and end needs these: making them anew takes SQLAlchemy longer than SQLite takes to carry them out.
_OPEN = sa.insert(RUNS)
_OPEN_FOR = sa.insert(GROUPS)
_CLOSE = sa.update(RUNS).where(
    RUNS.c.ended.is_(None), RUNS.c.user == sa.bindparam("of_user"), RUNS.c.server == sa.bindparam("of_server")
)
_CLOSE_UNSEEN = _CLOSE.values(ended=RUNS.c.seen)


@dataclass(frozen=True, slots=True)
class CostToday:
    """What was paid since midnight UTC, in one currency: by hub user name, and by full name of the group."""

    people: Mapping[str, float]
    groups: Mapping[str, float]


class UsageRecord:
    """The runs of one hub's servers.

    Args:
        url: SQLAlchemy's address of the database; tables are made where they are missing.

    Raises:
        UsageUnavailable: it can't be opened.
    """

    def __init__(self, url: str) -> None:
        self.database = UsageDatabase(url)

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        # traitlets copies configuration values deeply when it hands them to a class; there is one record per hub.
        return self

    def started(self, user: str, server: str, decided: PlanSummary, now: datetime | None = None) -> None:
        """Open a run. One of the same server that is still open ended unseen, and is closed first.

        Args:
            user: hub user name.
            server: name of a named server; empty: the default one.
            decided: the plan that is carried out.

        Raises:
            UsageUnavailable: nothing was written.
        """
        moment = _seconds(now)
        row = _row(user, server, decided) | {"started": moment, "seen": moment}
        with self.database.writing() as connection:
            connection.execute(_CLOSE_UNSEEN, _run_of(user, server) | {"reason": "hub-died"})
            run = connection.execute(_OPEN, row).inserted_primary_key
            if run is not None and decided.groups:
                groups = dict.fromkeys(decided.groups)
                connection.execute(_OPEN_FOR, [{"run": run[0], "group": group} for group in groups])

    def ended(self, user: str, server: str, reason: Reason, now: datetime | None = None) -> None:
        """Close a server's run; without an open one nothing happens.

        Raises:
            UsageUnavailable: it stays open, and `started` or `close_open` will close it.
        """
        with self.database.writing() as connection:
            connection.execute(_CLOSE, _run_of(user, server) | {"ended": _seconds(now), "reason": reason})

    def seen(self, now: datetime | None = None) -> None:
        """Note that the hub is there and watches the open runs: once a minute, so that a crash costs no more."""
        with self.database.writing() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.ended.is_(None)).values(seen=_seconds(now)))

    def close_open(self, running: Collection[tuple[str, str]]) -> int:
        """At the hub's start, close the runs of servers that did not outlive the last hub.

        Args:
            running: hub user name and server name of those that did.

        Returns:
            How many were closed, with the time at which they were last seen.
        """
        with self.database.writing() as connection:
            rows = connection.execute(sa.select(RUNS.c.id, RUNS.c.user, RUNS.c.server).where(RUNS.c.ended.is_(None)))
            lost = [row.id for row in rows if (row.user, row.server) not in running]
            for run in lost:
                closed = sa.update(RUNS).where(RUNS.c.id == run).values(ended=RUNS.c.seen, reason="hub-died")
                connection.execute(closed)
        return len(lost)

    def prune(self, kept: int, now: datetime | None = None) -> int:
        """Forget runs that ended long ago, but none of today.

        Args:
            kept: seconds; 0: for ever.

        Returns:
            How many were forgotten.
        """
        if not kept:
            return 0
        moment = _seconds(now)
        old = RUNS.c.ended < min(moment - kept, midnight(moment))
        with self.database.writing() as connection:
            connection.execute(sa.delete(GROUPS).where(GROUPS.c.run.in_(sa.select(RUNS.c.id).where(old))))
            return int(connection.execute(sa.delete(RUNS).where(old)).rowcount)

    def cost_today(self, user: str, groups: Collection[str], currency: str, now: datetime | None = None) -> CostToday:
        """What one person and their groups paid since midnight UTC: for `Usage.with_cost_today`.

        A server counts for the groups that its owner had when it was started. One that runs counts for an hour at
        least, which is what it was let in for; one that ended, or never came up, for what it took.

        Args:
            currency: runs in another one are left out; nobody knows the rate.
        """
        moment = _seconds(now)
        cost = sa.func.sum(counted_hours(midnight(moment), moment) * RUNS.c.price_per_hour)
        today = overlapping(midnight(moment), moment) & (RUNS.c.currency == currency)
        with self.database.reading() as connection:
            mine = connection.execute(sa.select(cost).where(today, RUNS.c.user == user)).scalar()
            by_group = connection.execute(
                sa.select(GROUPS.c.group, cost)
                .join(RUNS, RUNS.c.id == GROUPS.c.run)
                .where(today, GROUPS.c.group.in_(list(groups)))
                .group_by(GROUPS.c.group)
            )
            return CostToday({user: float(mine or 0)}, {name: float(paid or 0) for name, paid in by_group})


def end_reason(policy: IdlePolicy | None, *, age: float, inactive: float) -> Reason:
    """Which limit stopped a server, or that somebody did: the hub is only told to stop it.

    Args:
        policy: of the server; None: it has none.
        age, inactive: seconds since its start and since its last activity.
    """
    if policy is not None and policy.max_age and age >= policy.max_age:
        return "max-age"
    if policy is not None and policy.idle and inactive >= policy.idle:
        return "idle"
    return "stopped"


def _row(user: str, server: str, decided: PlanSummary) -> dict[str, Any]:
    hardware, price = decided.hardware, decided.price
    return {
        "user": user,
        "server": server,
        "profile": decided.profile,
        "node_group": decided.node_group,
        "cpu": hardware.cpu.guarantee,
        "memory": None if hardware.memory.guarantee is None else int(hardware.memory.guarantee),
        "gpu": hardware.gpu,
        "price_per_hour": price.per_hour if price else None,
        "currency": price.currency if price else None,
    }


def _run_of(user: str, server: str) -> dict[str, str]:
    return {"of_user": user, "of_server": server}


def _seconds(moment: datetime | None) -> float:
    return (moment or datetime.now(UTC)).timestamp()


def midnight(moment: float) -> float:
    """The last midnight UTC, in seconds since 1970: days of that count are all equally long."""
    return moment - moment % 86400

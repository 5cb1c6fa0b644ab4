"""Hours and costs of a span, by person, group and profile: what `qhub usage` prints and the page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from qhub_hub.hub.usage_database import GROUPS, RUNS, UsageDatabase, hours_between, overlapping
from qhub_hub.sessions import show_cost

NO_GROUP = ""
"""Name of the line of those who were in no group."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person, group or profile.

    Args:
        servers: runs that have a part in the span.
        hours: of all of them together, within the span.
        cost: by currency; a run without a price costs nothing.
    """

    name: str
    servers: int
    hours: float
    cost: Mapping[str, float]

    @property
    def cost_text(self) -> str:
        """`1.20 USD`; several currencies with a comma; empty: nothing has a price."""
        return ", ".join(show_cost(amount, currency) for currency, amount in sorted(self.cost.items()))


@dataclass(frozen=True, slots=True)
class Report:
    """What ran in a span. Lines with most hours first.

    Args:
        groups: whoever is in several groups counts in each of them, so these don't add up to the total.
    """

    since: datetime
    until: datetime
    total: Line
    people: tuple[Line, ...]
    groups: tuple[Line, ...]
    profiles: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What to report about.

    Args:
        since, until: the span, with time zone.
        user: hub user name; empty: everybody.
        group: full name; empty: all groups and those without.
    """

    since: datetime
    until: datetime
    user: str = ""
    group: str = ""


def report(database: UsageDatabase, question: Question) -> Report:
    """Add up the runs of a span.

    Raises:
        UsageUnavailable: the record can't be read.
    """
    joined = sa.outerjoin(RUNS, GROUPS, GROUPS.c.run == RUNS.c.id)
    name = sa.func.coalesce(GROUPS.c.group, NO_GROUP)
    which = _condition(question)
    of_group = which & (GROUPS.c.group == question.group) if question.group else which
    with database.reading() as connection:
        return Report(
            since=question.since,
            until=question.until,
            total=next(iter(_lines(connection, sa.literal(""), RUNS, which, question)), Line("", 0, 0.0, {})),
            people=_lines(connection, RUNS.c.user, RUNS, which, question),
            groups=_lines(connection, name, joined, of_group, question),
            profiles=_lines(connection, RUNS.c.profile, RUNS, which, question),
        )


def _condition(question: Question) -> Any:
    which = overlapping(question.since.timestamp(), question.until.timestamp())
    if question.user:
        which &= RUNS.c.user == question.user
    if question.group:
        which &= RUNS.c.id.in_(sa.select(GROUPS.c.run).where(GROUPS.c.group == question.group))
    return which


def _lines(connection: sa.Connection, name: Any, table: Any, which: Any, question: Question) -> tuple[Line, ...]:
    hours = hours_between(question.since.timestamp(), question.until.timestamp())
    labelled = name.label("name")
    rows = connection.execute(
        sa.select(
            labelled, RUNS.c.currency, sa.func.count(), sa.func.sum(hours), sa.func.sum(hours * RUNS.c.price_per_hour)
        )
        .select_from(table)
        .where(which)
        .group_by(labelled, RUNS.c.currency)
    )
    servers: dict[str, int] = {}
    lasted: dict[str, float] = {}
    cost: dict[str, dict[str, float]] = {}
    for key, currency, count, hour_sum, paid in rows:
        servers[key] = servers.get(key, 0) + count
        lasted[key] = lasted.get(key, 0.0) + float(hour_sum or 0)
        if currency is not None:
            cost.setdefault(key, {})[currency] = float(paid or 0)
    lines = (Line(key, servers[key], lasted[key], MappingProxyType(cost.get(key, {}))) for key in servers)
    return tuple(sorted(lines, key=lambda line: (-line.hours, line.name)))


def to_dict(found: Report) -> dict[str, Any]:
    """The report as plain JSON values; moments as ISO 8601 in UTC, hours and costs unrounded."""
    lines = {kind: [_plain(line) for line in getattr(found, kind)] for kind in ("people", "groups", "profiles")}
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "total": {key: value for key, value in _plain(found.total).items() if key != "name"},
        **lines,
    }


def _plain(line: Line) -> dict[str, Any]:
    return {"name": line.name, "servers": line.servers, "hours": line.hours, "cost": dict(line.cost)}

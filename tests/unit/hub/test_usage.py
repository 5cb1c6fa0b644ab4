"""The record of what ran, and the sums that limits and reports take from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.hub.usage import UsageRecord, end_reason, midnight
from qhub_hub.hub.usage_database import UsageUnavailable
from qhub_hub.hub.usage_page import since_of
from qhub_hub.hub.usage_report import Question, report, to_dict
from qhub_hub.sessions import Amount, Hardware, IdlePolicy, PlanSummary, Price

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = IdlePolicy(3600, 28800, 0, 0, "qhub.culling.idle")


def decided(price: float | None = 2.0, *groups: str, currency: str = "USD", profile: str = "small") -> PlanSummary:
    return PlanSummary(
        profile=profile,
        title="Small",
        choices={"profile": profile},
        hardware=Hardware(Amount(1.0, 1.0), Amount(2**30, 2**30), 0, ""),
        price=None if price is None else Price(price, currency),
        idle=POLICY,
        node_group="user",
        groups=groups,
    )


@pytest.fixture
def record(tmp_path: Path) -> Iterator[UsageRecord]:
    kept = UsageRecord(f"sqlite:///{tmp_path}/usage.sqlite")
    yield kept
    kept.database.close()


def month(record: UsageRecord, until: datetime = NOON, **only: str):
    return report(record.database, Question(until - timedelta(days=30), until, **only))


def test_a_person_pays_for_ended_and_running_servers_and_a_group_for_all_its_members(record: UsageRecord) -> None:
    record.started("ann", "", decided(2.0, "data", "ml"), NOON - 4 * HOUR)
    record.ended("ann", "", "stopped", NOON - 3 * HOUR)
    record.started("ann", "second", decided(1.0, "data"), NOON - 2 * HOUR)
    record.started("bob", "", decided(5.0, "data"), NOON - HOUR)
    cost = record.cost_today("ann", ["data", "ml", "gpu"], "USD", NOON)
    assert cost.people == {"ann": pytest.approx(4.0)}
    assert cost.groups == {"data": pytest.approx(9.0), "ml": pytest.approx(2.0)}


@pytest.mark.parametrize(
    ("started", "price", "currency", "expected"),
    [
        (datetime(2026, 11, 19, 20, tzinfo=UTC), 1.0, "USD", 12.0),
        (NOON - HOUR, None, "USD", 0.0),
        (NOON - HOUR, 1.0, "EUR", 0.0),
        (NOON + HOUR, 1.0, "USD", 0.0),
    ],
    ids=["since midnight UTC only", "no price", "another currency", "a clock that was set back"],
)
def test_the_days_cost_begins_at_midnight_utc_and_never_mixes_currencies(
    record: UsageRecord, started: datetime, price: float | None, currency: str, expected: float
) -> None:
    record.started("ann", "", decided(price, currency=currency), started)
    assert record.cost_today("ann", [], "USD", NOON).people == {"ann": pytest.approx(expected)}


@pytest.mark.parametrize(
    ("started", "ended", "expected"),
    [
        (NOON, None, 2.0),
        (NOON - HOUR / 2, None, 2.0),
        (NOON - 3 * HOUR, None, 6.0),
        (NOON - HOUR / 2, NOON - HOUR / 4, 0.5),
    ],
    ids=["just now", "half an hour ago", "hours ago", "ended again"],
)
def test_a_running_server_counts_for_the_hour_that_it_was_let_in_for(
    record: UsageRecord, started: datetime, ended: datetime | None, expected: float
) -> None:
    record.started("ann", "", decided(2.0, "data"), started)
    if ended:
        record.ended("ann", "", "stopped", ended)
    now = NOON + timedelta(seconds=0.001)
    cost = record.cost_today("ann", ["data"], "USD", now)
    assert cost.people == {"ann": pytest.approx(expected, abs=1e-5)}
    assert cost.groups == {"data": pytest.approx(expected, abs=1e-5)}


def test_the_hour_of_a_server_from_before_midnight_counts_for_the_day_it_falls_on(record: UsageRecord) -> None:
    midnight_utc = NOON - 12 * HOUR
    record.started("ann", "", decided(2.0), midnight_utc - HOUR / 2)
    cost = record.cost_today("ann", [], "USD", midnight_utc + HOUR / 4)
    assert cost.people == {"ann": pytest.approx(1.0)}


def test_a_run_whose_hub_died_ends_when_it_was_last_seen(record: UsageRecord) -> None:
    record.started("ann", "", decided(), NOON - 5 * HOUR)
    record.started("bob", "", decided(), NOON - 5 * HOUR)
    record.seen(NOON - 4 * HOUR)
    assert record.close_open({("bob", "")}) == 1
    hours = {line.name: line.hours for line in month(record).people}
    assert hours == {"bob": pytest.approx(5.0), "ann": pytest.approx(1.0)}
    assert record.close_open({("bob", "")}) == 0


def test_a_second_start_of_the_same_server_is_not_paid_twice(record: UsageRecord) -> None:
    record.started("ann", "", decided(1.0), NOON - 5 * HOUR)
    record.started("ann", "", decided(1.0), NOON - HOUR)
    assert record.cost_today("ann", [], "USD", NOON).people == {"ann": pytest.approx(1.0)}


def test_an_end_without_a_start_and_a_second_end_change_nothing(record: UsageRecord) -> None:
    record.ended("ann", "", "stopped", NOON)
    record.started("ann", "", decided(), NOON - 2 * HOUR)
    record.ended("ann", "", "idle", NOON - HOUR)
    record.ended("ann", "", "stopped", NOON)
    assert month(record).total.hours == pytest.approx(1.0)


def test_old_runs_are_forgotten_but_never_those_of_today(record: UsageRecord) -> None:
    for name, ended in (("old", timedelta(days=40)), ("new", timedelta(days=2)), ("today", HOUR)):
        record.started(name, "", decided(1.0, "data"), NOON - ended - HOUR)
        record.ended(name, "", "stopped", NOON - ended)
    record.started("runs", "", decided(), NOON - timedelta(days=90))
    assert record.prune(0, NOON) == 0
    assert record.prune(30 * 86400, NOON) == 1
    assert record.prune(1, NOON) == 1
    assert {line.name for line in month(record).people} == {"today", "runs"}


def test_a_report_names_everybody_and_can_be_narrowed(record: UsageRecord) -> None:
    record.started("ann", "", decided(2.0, "data", "ml"), NOON - 3 * HOUR)
    record.started("ann", "b", decided(1.0, "data", currency="EUR", profile="gpu"), NOON - HOUR)
    record.started("bob", "", decided(None), NOON - HOUR)
    everything = month(record)
    assert [(line.name, line.servers, round(line.hours, 3)) for line in everything.people] == [
        ("ann", 2, 4.0),
        ("bob", 1, 1.0),
    ]
    assert everything.people[0].cost_text == "1.00 EUR, 6.00 USD"
    assert everything.people[1].cost_text == ""
    assert {line.name: round(line.hours, 3) for line in everything.groups} == {"data": 4.0, "ml": 3.0, "": 1.0}
    assert everything.total.servers == 3
    assert [line.name for line in month(record, group="ml").profiles] == ["small"]
    assert [line.name for line in month(record, user="bob").people] == ["bob"]
    assert to_dict(month(record, user="bob"))["people"] == [{"name": "bob", "servers": 1, "hours": 1.0, "cost": {}}]
    assert month(record, user="nobody").total.servers == 0


@pytest.mark.parametrize(
    ("age", "inactive", "expected"),
    [(60, 10, "stopped"), (4000, 3600, "idle"), (28800, 5, "max-age"), (28800, 4000, "max-age")],
)
def test_the_reason_of_an_end_is_the_limit_that_was_reached(age: float, inactive: float, expected: str) -> None:
    assert end_reason(POLICY, age=age, inactive=inactive) == expected
    assert end_reason(None, age=age, inactive=inactive) == "stopped"


@pytest.mark.parametrize("url", ["sqlite://", "mysql://x/y", "nonsense", "sqlite:////proc/nowhere/usage.sqlite"])
def test_a_record_that_can_not_be_opened_says_so_without_a_drivers_words(url: str) -> None:
    with pytest.raises(UsageUnavailable, match="usage record") as refusal:
        UsageRecord(url)
    assert "sqlite3" not in str(refusal.value)


def test_the_record_is_closed_to_others(record: UsageRecord, tmp_path: Path) -> None:
    record.started("ann", "", decided())
    assert (tmp_path / "usage.sqlite").stat().st_mode & 0o077 == 0


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_midnight_is_the_same_dates_first_moment(moment: datetime) -> None:
    assert datetime.fromtimestamp(midnight(moment.timestamp()), UTC) == moment.replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    assert since_of("today", moment).date() == moment.date()
    assert moment - since_of("7d", moment) == timedelta(days=7)

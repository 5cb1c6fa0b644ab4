"""Which of conda-store's builds stay."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.conda_store.rest import Build
from qhub_hub.conda_store.retention import clear, superseded
from qhub_hub.config.models.environments import Retention

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def build(number: int, ended: str, status: str = "COMPLETED") -> Build:
    return Build(number, 1, "1970-01-01T00:00:01", status, "", 1, ended)


@pytest.mark.parametrize(
    ("keep", "current", "gone"),
    [
        (Retention(keep_builds=1, grace=0), 4, (1, 2, 3)),
        (Retention(keep_builds=2, grace=0), 4, (1, 2)),
        (Retention(keep_builds=1, grace=0), 2, (1, 3)),
        (Retention(keep_builds=1, grace=86400), 4, (1, 2)),
        (Retention(keep_builds=9, grace=0), 4, ()),
    ],
    ids=["the newest", "two", "an old one in force", "in force a day ago", "all"],
)
def test_old_builds_go_by_the_rules_of_the_values(keep: Retention, current: int, gone: tuple[int, ...]) -> None:
    days = ["2026-11-10", "2026-11-12", "2026-11-14", "2026-11-21"]
    builds = [build(number, f"{day}T11:00:00") for number, day in enumerate(days, 1)]
    found = superseded([*builds, build(5, "2026-11-21T11:30:00", "FAILED")], current, keep, NOW)
    assert tuple(one.id for one in found) == gone


@given(
    st.integers(1, 10),
    st.integers(0, 10**7),
    st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), max_size=12),
    st.integers(0, 12),
)
def test_the_newest_and_the_one_in_force_always_stay(
    newest: int, grace: int, moments: list[datetime], current: int
) -> None:
    builds = [build(number, moment.isoformat()) for number, moment in enumerate(sorted(moments))]
    gone = superseded(builds, current, Retention(keep_builds=newest, grace=grace), NOW)
    assert not {one.id for one in gone} & {current, *(one.id for one in builds[-newest:])}


def test_failed_builds_and_links_that_lead_nowhere_are_cleared_away(tmp_path: Path) -> None:
    prefixes = {number: tmp_path / "builds" / f"0123abcd-1-{number}-x" for number in (1, 2, 3)}
    for prefix in prefixes.values():
        prefix.mkdir(parents=True)
    envs = tmp_path / "envs"
    envs.mkdir()
    (envs / "x").symlink_to(prefixes[1])
    (envs / "y").symlink_to(tmp_path / "gone")
    (envs / "y.lock").touch()
    stamps = {f"1-{number}": prefix for number, prefix in prefixes.items()}
    clear(tmp_path, stamps, [build(1, ""), build(2, "", "FAILED"), build(3, "", "BUILDING")])
    assert [number for number, prefix in prefixes.items() if prefix.exists()] == [1, 3]
    assert [path.name for path in envs.iterdir()] == ["x"]

"""Which programs count as work, by a process table that is written by the test."""

from pathlib import Path

import pytest

from qhub_hub.singleuser.activity import interval
from qhub_hub.singleuser.jobs import DETACHED, Jobs, Process, Reading, works

MARK = b"JUPYTER_SERVER_URL=http://127.0.0.1:1/user/ann/"
MINUTE = 60.0


class Table:
    """A /proc of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, pid: int, parent: int, session: int, ticks: tuple[int, int] = (0, 0), **more: int | bytes) -> None:
        place = self.folder / str(pid)
        place.mkdir(exist_ok=True)
        own, reaped = ticks
        fields = ["S", parent, pid, session, *[0] * 7, own, 0, reaped, 0, *[0] * 4, more.get("started", 7), 0]
        (place / "stat").write_text(f"{pid} (a) b (c) {' '.join(map(str, fields))}\n")
        (place / "io").write_text(f"rchar: 1\nwrite_bytes: {more.get('written', 0)}\ncancelled_write_bytes: 0\n")
        (place / "environ").write_bytes(b"A=1\0" + bytes(more.get("environ", b"")) + b"\0B=2\0")


@pytest.fixture
def table(tmp_path: Path) -> Table:
    (tmp_path / "self").mkdir()
    return Table(tmp_path)


def test_a_program_belongs_to_the_terminal_it_descends_from_or_shares_the_session_of(table: Table) -> None:
    for terminal in (10, 20):
        table.put(terminal, 1, terminal)
    table.put(11, 10, 10)
    table.put(12, 11, 12)  # a session of its own, but a child
    table.put(13, 1, 10)  # its parent has ended
    table.put(14, 1, 14, environ=MARK)  # detached
    table.put(15, 1, 15, environ=MARK + b"x")  # another server's
    table.put(16, 1, 16)
    found = Jobs(MARK, table.folder).read([10, 20])
    numbers = {root: {pid for pid, _ in reading.processes} for root, reading in found.items()}
    assert numbers == {10: {10, 11, 12, 13}, 20: {20}, DETACHED: {14}}


def test_a_process_that_ends_while_the_table_is_read_and_a_ring_of_parents_do_no_harm(table: Table) -> None:
    table.put(10, 1, 10)
    table.put(30, 31, 30)
    table.put(31, 30, 31)
    (table.folder / "99").mkdir()
    assert {pid for pid, _ in Jobs(MARK, table.folder).read([10])[10].processes} == {10}


def reading(*processes: tuple[int, int, int], written: int = 0) -> Reading:
    """Of processes as (number, own ticks, ticks of its ended children)."""
    found = {(pid, 7): Process(1, 1, 7, own, reaped) for pid, own, reaped in processes}
    return Reading(found, dict.fromkeys(found, written))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (reading((1, 5, 0)), reading((1, 5, 0)), False),
        (reading((1, 0, 0)), reading((1, 120, 0)), False),
        (reading((1, 0, 0)), reading((1, 300, 0)), True),
        (reading((1, 0, 0)), reading((1, 0, 0), (2, 400, 0)), True),
        (reading((1, 0, 0)), reading((1, 0, 400)), True),
        (reading((1, 0, 0), (2, 9000, 0)), reading((1, 0, 9010)), False),
        (reading((1, 0, 0), (2, 9000, 0)), reading((1, 0, 9400)), True),
        (reading((1, 0, 0), (2, 9000, 0)), reading((1, 0, 0)), False),
        (reading((1, 0, 0), written=0), reading((1, 0, 0), written=500_000), False),
        (reading((1, 0, 0), written=0), reading((1, 0, 0), written=1_000_000), True),
    ],
    ids=[
        "a shell that waits",
        "top: 2 % of a core",
        "5 % of a core",
        "a new program",
        "many short programs",
        "an old program ended",
        "it worked until it ended",
        "nobody waited for it",
        "a log line now and then",
        "a download",
    ],
)
def test_work_is_more_than_a_screen_that_refreshes_itself(before: Reading, now: Reading, expected: bool) -> None:
    assert works(before, now, MINUTE) is expected


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, 60),
        ({"QHUB_IDLE": "0", "QHUB_TERMINAL_IDLE": "0"}, 60),
        ({"QHUB_IDLE": "3600", "QHUB_TERMINAL_IDLE": "100"}, 25),
        ({"QHUB_IDLE": "8"}, 5),
        ({"QHUB_IDLE": "soon"}, 60),
    ],
)
def test_short_limits_are_looked_after_more_often(env: dict[str, str], seconds: int) -> None:
    assert interval(env) == seconds

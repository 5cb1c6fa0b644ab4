"""Recognising, waiting for and ending real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub.hub.processes import (
    MARK,
    boot_id,
    end_left_behind,
    mark_of,
    marks,
    start_ticks,
    wait_until_gone,
)
from qhub_hub.testing.waiting import eventually

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program with a mark; what is left of it is ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(mark: str, *command: str) -> "subprocess.Popen[bytes]":
        env = {"PATH": os.environ["PATH"], **({MARK: mark} if mark else {})}
        started.append(
            subprocess.Popen(command or ("sleep", "60"), env=env, stdout=subprocess.PIPE, start_new_session=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    return f"qhub-test-{os.getpid()}/{request.node.name}"


def test_a_process_keeps_its_start_time_and_another_has_another(start: Start) -> None:
    first = start("")
    ticks = start_ticks(first.pid)
    time.sleep(0.03)
    assert ticks is not None
    assert start_ticks(first.pid) == ticks
    later = start("")
    assert (start_ticks(later.pid) or 0) > ticks


def test_a_zombie_and_a_process_that_is_gone_have_no_start_time(start: Start) -> None:
    process = start("", "true")
    eventually(lambda: start_ticks(process.pid) is None)
    process.wait()
    assert start_ticks(process.pid) is None


def test_a_command_with_spaces_and_parentheses_is_read_right(tmp_path: Path, start: Start) -> None:
    odd = tmp_path / ") S 1 (x"
    odd.symlink_to("/bin/sleep")
    process = start("", str(odd), "60")
    eventually(lambda: b"(x" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
    assert abs((start_ticks(process.pid) or 0) - (start_ticks(start("").pid) or 0)) < 500


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) == 36


async def test_waiting_ends_with_the_process_and_not_before(start: Start) -> None:
    process = start("")
    assert not await wait_until_gone(process.pid, 0.05)
    asyncio.get_running_loop().call_later(0.05, process.terminate)
    assert await wait_until_gone(process.pid, 5)
    process.wait()
    assert await wait_until_gone(process.pid, 0)


def test_a_mark_is_inherited_by_everything_a_server_starts(start: Start, mark: str) -> None:
    process = start(mark, "sh", "-c", "sleep 60 & echo started; wait")
    assert process.stdout is not None
    process.stdout.readline()
    # Of a child that is just becoming another program nothing can be read.
    eventually(lambda: [found for _, found in marks() if found == mark] == [mark, mark])
    assert end_left_behind({mark}) >= 1  # the shell may end by itself, as its child did
    assert mark not in {found for _, found in marks()}


def test_only_exactly_the_wanted_marks_are_ended(start: Start, mark: str) -> None:
    mine, longer, plain = start(mark), start(f"{mark}0"), start("")
    eventually(lambda: mark_of(mine.pid) == mark and mark_of(longer.pid) == f"{mark}0")
    assert end_left_behind({mark}) == 1
    assert mine.wait(5) == -signal.SIGKILL
    assert longer.poll() is None
    assert plain.poll() is None


def test_who_removed_the_mark_is_found_by_the_control_group(start: Start, mark: str) -> None:
    hidden = start("")
    assert end_left_behind({mark}) == 0
    assert end_left_behind({mark}, lambda: {hidden.pid}) == 1
    assert hidden.wait(5) == -signal.SIGKILL


def test_who_left_the_group_before_the_second_look_is_not_ended(start: Start) -> None:
    stranger = start("")
    looks = iter([{stranger.pid}])
    # The second look is the one after the process is held by its descriptor: the number may be a stranger's by now.
    assert end_left_behind(set(), lambda: next(looks, frozenset())) == 0
    assert stranger.poll() is None


FLEEING = """
import os, time
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork():
        time.sleep(0.01)
        os._exit(0)
    time.sleep(0.002)
"""


def test_a_process_that_flees_by_starting_others_is_ended(start: Start, mark: str) -> None:
    start(mark, sys.executable, "-S", "-c", FLEEING)
    eventually(lambda: any(found == mark for _, found in marks()))
    assert end_left_behind({mark}) >= 1
    time.sleep(0.05)
    assert not [pid for pid, found in marks() if found == mark]

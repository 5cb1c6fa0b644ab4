"""Start, stop, crash, start again: nothing is lost and nothing is left behind."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub.hub.processes import marks
from qhub_hub.testing.one_machine import RunningHub, free_port
from qhub_hub.testing.terminal import type_into_terminal
from qhub_hub.testing.waiting import eventually

Up = Callable[..., RunningHub]


def processes_of(hub: RunningHub) -> set[int]:
    """Everything of this hub's servers, without what ends by itself at once."""
    from qhub_hub.cli.state import StateFolder, hub_mark

    mark = hub_mark(StateFolder(hub.state))
    return {pid for pid, found in marks() if found.startswith(f"{mark}/")}


def children_of(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()}


@pytest.fixture(scope="module")
def hub(qhub_up: Up) -> RunningHub:
    """A hub that keeps running, for the tests that end none."""
    return qhub_up("lives-on")


def test_ctrl_c_ends_every_child_and_the_next_start_knows_everybody(qhub_up: Up) -> None:
    hub = qhub_up("ctrl-c")
    password = hub.password("zoe")
    zoe = hub.person("zoe")
    assert zoe.start().status_code in (201, 202)
    servers = processes_of(hub)
    children = children_of(hub.pid)
    assert servers
    assert hub.interrupt() == 0
    assert alive(servers | children) == set()
    hub.start()
    assert hub.password("zoe") == password
    zoe = hub.person("zoe")
    assert zoe.server() == {}
    assert zoe.start().status_code in (201, 202)
    zoe.stop()


def test_a_process_that_outlived_its_terminal_ends_with_the_server(hub: RunningHub) -> None:
    zoe = hub.person("zoe")
    assert zoe.start().status_code in (201, 202)
    before = processes_of(hub)
    type_into_terminal(zoe, "setsid nohup sleep 1000 >/dev/null 2>&1 < /dev/null & disown")
    left = processes_of(hub) - before
    assert left
    zoe.stop()
    eventually(lambda: not alive(left | before))


def test_a_server_survives_a_killed_hub_and_the_next_start_says_so(qhub_up: Up) -> None:
    hub = qhub_up("killed")
    zoe = hub.person("zoe")
    assert zoe.start().status_code in (201, 202)
    servers = {pid for pid in processes_of(hub) if b"qhub_hub.singleuser" in Path(f"/proc/{pid}/cmdline").read_bytes()}
    assert servers
    hub.kill()
    assert alive(servers) == servers
    hub.start()
    assert "zoe" in hub.said().split("is ready")[-1]
    zoe = hub.person("zoe")
    assert zoe.server()["ready"]
    assert zoe.server()["user_options"]["profile"]
    zoe.stop()
    assert alive(servers) == set()


def test_a_server_that_died_with_the_hub_is_not_taken_for_running(qhub_up: Up) -> None:
    hub = qhub_up("both-died")
    zoe = hub.person("zoe")
    assert zoe.start().status_code in (201, 202)
    servers = processes_of(hub)
    hub.kill()
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    hub.start()
    assert hub.person("zoe").server() == {}


def test_what_a_server_left_behind_ends_although_the_server_ended_by_itself(hub: RunningHub) -> None:
    zoe = hub.person("zoe")
    assert zoe.start().status_code in (201, 202)
    before = processes_of(hub)
    # Without the mark, too: on a machine with control groups nobody gets away.
    type_into_terminal(zoe, "setsid nohup sleep 1001 >/dev/null 2>&1 < /dev/null & disown")
    left = processes_of(hub) - before
    assert left
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: not alive(left))
    eventually(lambda: zoe.server() == {})


def test_a_second_hub_on_the_same_state_is_refused(hub: RunningHub, open_folder: Path) -> None:
    second = RunningHub(hub.state, *hub.values)
    second.output = open_folder / "twice-second.out"
    with pytest.raises(RuntimeError, match=r"is running on .* already"):
        second.start()


def test_a_taken_port_is_said_in_a_sentence(hub: RunningHub, qhub_up: Up) -> None:
    other = qhub_up("port-wanter", start=False)
    port = int(hub.address.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=f"Port {port} on 127.0.0.1 is taken"):
        other.start(port)
    other.start(free_port())

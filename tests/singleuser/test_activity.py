"""Work that goes on while nobody watches, in a real server with real terminals and kernels."""

import asyncio
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from qhub_hub.testing.terminal import WORK

pytestmark = pytest.mark.root

HEADERS = {"Authorization": "token anns"}
TERMINAL_IDLE = 8  # seconds; looked at every 5


def short_limits(_folder: Path, env: dict[str, str]) -> None:
    env["QHUB_TERMINAL_IDLE"] = str(TERMINAL_IDLE)
    env["QHUB_IDLE"] = "3600"
    env["QHUB_MAX_AGE"] = "600"
    env["QHUB_WARNING"] = "3000"


async def open_terminal(server: Any) -> tuple[str, WebSocketClientConnection]:
    status, body = server.request("api/terminals", body={})
    assert status == 200, body
    name = json.loads(body)["name"]
    url = f"{server.url}terminals/websocket/{name}".replace("http", "ws", 1)
    return name, await websocket_connect(HTTPRequest(url, headers=HEADERS))


async def run_and_leave(server: Any, command: str) -> str:
    """Type a command into a new terminal, wait until the shell has read it, and close the browser."""
    name, socket = await open_terminal(server)
    socket.write_message(json.dumps(["stdin", f"{command}; echo beg''un\r"]))
    seen = ""
    while "begun" not in seen:
        message = await socket.read_message()
        assert message is not None
        kind, *content = json.loads(message)
        seen += content[0] if kind == "stdout" else ""
    socket.close()
    while await socket.read_message() is not None:
        pass
    return name


def terminals(server: Any) -> set[str]:
    return {terminal["name"] for terminal in json.loads(server.request("api/terminals?no_track_activity=1")[1])}


async def none_is_left(server: Any) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while terminals(server):
        assert asyncio.get_running_loop().time() < deadline, "the terminal is still listed"
        await asyncio.sleep(0.1)


def inactive(server: Any) -> float:
    """Seconds since the server's last activity, in its own view; asking is none."""
    found = json.loads(server.request("api/status")[1])["last_activity"]
    return (datetime.now(UTC) - datetime.fromisoformat(found.replace("Z", "+00:00"))).total_seconds()


async def test_a_silent_job_keeps_its_terminal_and_the_server_and_an_idle_shell_neither(start: Any) -> None:
    with start(short_limits) as server:
        idle = await run_and_leave(server, "sleep 1000 & true")
        busy = await run_and_leave(server, f"timeout 300 sh -c '{WORK}' & true")
        assert terminals(server) == {idle, busy}
        deadline = asyncio.get_running_loop().time() + 80  # a busy machine looks late
        while idle in terminals(server):
            assert asyncio.get_running_loop().time() < deadline, "the idle terminal is never closed"
            await asyncio.sleep(0.5)
        await asyncio.sleep(TERMINAL_IDLE)  # as long again: the silent job would have been the next
        assert terminals(server) == {busy}
        assert inactive(server) < TERMINAL_IDLE


async def test_a_closed_terminal_takes_along_a_job_that_its_shell_did_not_end(start: Any) -> None:
    with start(short_limits) as server:
        # As when the machine is so busy that the shell is killed before it comes to that.
        name = await run_and_leave(server, "trap : HUP INT TERM; sleep 1000 & true")
        assert server.request(f"api/terminals/{name}", method="DELETE")[0] == 204
        await none_is_left(server)


async def test_a_terminal_can_be_closed_when_the_hub_was_started_with_nohup(start: Any) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what the server inherits
    try:
        with start(short_limits) as server:
            name = await run_and_leave(server, "sleep 1000 & true")
            assert server.request(f"api/terminals/{name}", method="DELETE")[0] == 204
            await none_is_left(server)
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_detached_job_counts_for_the_server_and_an_idle_server_becomes_inactive(start: Any) -> None:
    with start(short_limits) as server:
        await run_and_leave(server, f"setsid nohup timeout 13 sh -c '{WORK}' >/dev/null 2>&1 & disown")
        await asyncio.sleep(11)
        assert inactive(server) < 8
        await asyncio.sleep(9)
        assert inactive(server) > 5, "nothing works any more"


def test_the_page_is_told_and_its_question_is_no_activity(start: Any) -> None:
    with start(short_limits) as server:
        before = inactive(server)
        status, headers = server.head("qhub/end")
        assert status == 304
        assert "QHub-Notice" not in headers, "ten minutes are left, but half of the limit is five"
        assert inactive(server) >= before
        assert server.head("qhub/end", bearer="")[0] == 403
        assert server.head("qhub/end", bearer="strangers")[0] == 403


def test_the_extension_of_the_page_is_found_by_jupyterlab(server: Any) -> None:
    page = server.request("lab")[1].decode()
    assert "qhub-notices" in page
    status, script = server.request("lab/extensions/qhub-notices/static/notices.js")
    assert status == 200
    assert b"qhub-notices" in script

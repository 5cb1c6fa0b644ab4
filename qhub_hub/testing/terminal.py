"""Types a command into a terminal of somebody's running server, over the same websocket that JupyterLab uses."""

import asyncio
import json

import aiohttp

from qhub_hub.testing.one_machine import Person
from qhub_hub.testing.waiting import PATIENCE

WORK = "while :; do i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; sleep 0.1; done"
"""A job for `sh -c` that works for ever, well beyond what counts as idle, and leaves the processor to others."""
_DONE = "qhub-test-has-ended"


def type_into_terminal(person: Person, command: str, server: str = "") -> str:
    """Run a shell command as this person, in their server; returns what it printed.

    Args:
        person: signed in, with a running server.
        command: one line for the shell.
        server: name of a named server.
    """
    prefix = person.prefix(server)
    person.open_server(server)
    xsrf = person.xsrf(prefix)
    created = person.http.post(f"{prefix}api/terminals", headers={"X-XSRFToken": xsrf})
    created.raise_for_status()
    name = created.json()["name"]
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}"
        for cookie in person.http.cookies.jar
        if cookie.path == "/" or prefix.startswith(cookie.path)
    )
    address = str(person.http.base_url).rstrip("/").replace("http", "ws", 1)
    try:
        return asyncio.run(_converse(f"{address}{prefix}terminals/websocket/{name}", cookies, command))
    finally:
        person.http.delete(f"{prefix}api/terminals/{name}", headers={"X-XSRFToken": xsrf})


async def _converse(url: str, cookies: str, command: str) -> str:
    said = ""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers={"Cookie": cookies, "Origin": url.replace("ws", "http", 1)}) as socket,
        asyncio.timeout(PATIENCE),
    ):
        # The two halves of the mark keep the echoed command line from looking like its end.
        begin, end = _DONE[:5], _DONE[5:]
        line = f"stty -echo; clear; printf '%s%s\\n' {begin} {end}; {command}; printf '%s%s\\n' {begin} {end}\r"
        await socket.send_str(json.dumps(["stdin", line]))
        async for message in socket:
            kind, *rest = json.loads(message.data)
            if kind == "stdout":
                said += rest[0]
            if said.count(_DONE) >= 2:
                break
    return said.split(_DONE)[1].replace("\r\n", "\n").strip()

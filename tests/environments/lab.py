"""Kernels of somebody's running server, over the same paths that JupyterLab uses."""

import json
import uuid
from typing import Any

import httpx
from websocket import create_connection

from qhub_hub.testing.one_machine import Person


def kernels_of(person: Person) -> dict[str, Any]:
    """The kernels that their JupyterLab lists, by name."""
    found: dict[str, Any] = person.http.get(f"{person.prefix()}api/kernelspecs").json()["kernelspecs"]
    return found


def start_kernel(person: Person, name: str) -> httpx.Response:
    """Start a kernel."""
    address = str(person.http.base_url).rstrip("/")
    headers = {"X-XSRFToken": person.xsrf(person.prefix()), "Referer": f"{address}{person.prefix()}"}
    return person.http.post(f"{person.prefix()}api/kernels", json={"name": name}, headers=headers)


def run_cell(person: Person, kernel: str, code: str) -> str:
    """What a cell prints in a kernel, by the kernel's id."""
    address = str(person.http.base_url).rstrip("/")
    cookies = "; ".join(f"{c.name}={c.value}" for c in person.http.cookies.jar if person.prefix().startswith(c.path))
    url = f"{address.replace('http', 'ws', 1)}{person.prefix()}api/kernels/{kernel}/channels"
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": "s",
        "version": "5.3",
    }
    request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": {"code": code}}
    socket = create_connection(url, cookie=cookies, origin=address, timeout=30)
    try:
        socket.send(json.dumps(request))
        while True:
            message = json.loads(socket.recv())
            if message["msg_type"] in ("stream", "error"):
                return str(message["content"].get("text") or message["content"])
    finally:
        socket.close()

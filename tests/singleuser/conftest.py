"""A hub that answers just what a server asks, and real servers that run against it as another user."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

UID, GROUP = 100_777, 70_777
TOKENS = {"anns": ("ann", ["access:servers!server=ann/"]), "strangers": ("bob", ["access:servers!server=bob/"])}

# Writes down what the server and its kernels start and whom they talk to.
WATCHER = """
import os, sys
_log = open(os.environ["WATCH"], "a", buffering=1)
def _watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _log.write(f"connect {arguments[1][0]}\\n")
    elif event == "subprocess.Popen":
        _log.write(f"start {arguments[0]}\\n")
sys.addaudithook(_watch)
"""


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").split(" ")[-1]
        if self.path.endswith("/user") and token in TOKENS:
            name, scopes = TOKENS[token]
            self.answer(200, {"name": name, "kind": "user", "admin": False, "groups": [], "scopes": scopes})
        elif self.path.endswith("/user"):
            self.answer(403, {"message": "Forbidden"})
        else:
            self.answer(200, {"version": "6.1.1"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, {})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@dataclass(frozen=True)
class Server:
    """A running `python -m qhub_hub.singleuser`."""

    url: str
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def group_folder(self) -> Path:
        return self.folder / "share/shared/ml"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def watched(self) -> set[str]:
        return set((self.folder / "watch").read_text().splitlines())

    def head(self, path: str, bearer: str = "anns") -> tuple[int, dict[str, str]]:
        """Status and headers of an answer to GET; 304 is one."""
        headers = {"Authorization": f"token {bearer}"} if bearer else {}
        try:
            request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers)

    def request(
        self, path: str, bearer: str = "anns", body: object = None, method: str | None = None
    ) -> tuple[int, bytes]:
        """Status and content of an answer; with a body it is a POST unless said otherwise."""
        headers = {"Authorization": f"token {bearer}"} if bearer else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@pytest.fixture(scope="session")
def hub() -> Iterator[str]:
    """Address of the stub hub's API."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hub/api"
        server.shutdown()
        thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lay_out(folder: Path) -> None:
    """A home and a group folder as the provisioner leaves them, and the names that go with them."""
    folder.chmod(0o755)
    (folder / "share/shared/ml").mkdir(parents=True)
    (folder / "home").mkdir(0o700)
    os.chown(folder / "home", UID, UID)
    os.chown(folder / "share/shared/ml", 0, GROUP)
    (folder / "share/shared/ml").chmod(0o2770)
    (folder / "passwd").write_text(f"root:x:0:0:root:/root:/bin/bash\nann:x:{UID}:{UID}:Ann:{folder}/home:/bin/bash\n")
    (folder / "group").write_text(f"root:x:0:\nann:x:{UID}:\nml:x:{GROUP}:ann\n")
    (folder / "sitecustomize.py").write_text(WATCHER)
    (folder / "watch").touch()
    (folder / "watch").chmod(0o666)


def _environment(folder: Path, hub: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "USER": "ann",
        "PYTHONPATH": str(folder),
        "WATCH": str(folder / "watch"),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
        "QHUB_SHARED": str(folder / "share/shared"),
        "QHUB_KERNEL_IDLE": "1200",
        "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_API_TOKEN": "servers",
        "JUPYTERHUB_ACTIVITY_URL": f"{hub}/users/ann/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ann",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(["access:servers!server=ann/"]),
        "JUPYTERHUB_OAUTH_SCOPES": json.dumps(["access:servers!server=ann/"]),
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/ann/",
        "JUPYTERHUB_USER": "ann",
    }


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if server.request("api")[0] == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"the server did not start:\n{server.log}")


@contextlib.contextmanager
def running(hub: str, prepare: Callable[[Path, dict[str, str]], None] | None = None) -> Iterator[Server]:
    """A server that runs as user 100777 with the group 70777; gone with all its children at the end."""
    folder = Path(tempfile.mkdtemp(prefix="qhub-singleuser-"))
    port = _free_port()
    _lay_out(folder)
    env = _environment(folder, hub, port)
    if prepare:
        prepare(folder, env)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            # A run that is killed must not leave a server behind: the kernel ends it when its parent is gone.
            ["/usr/bin/setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "qhub_hub.singleuser"],
            env=env,
            cwd=folder / "home",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=UID,
            group=UID,
            extra_groups=[GROUP],
        )
    server = Server(f"http://127.0.0.1:{port}/user/ann/", folder)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(hub: str) -> Iterator[Server]:
    """One server for all tests that only look at it."""
    with running(hub) as running_server:
        yield running_server


@pytest.fixture
def start(hub: str) -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """Starts a server of the test's own, after the test has prepared its folder and environment."""
    return lambda prepare=None: running(hub, prepare)

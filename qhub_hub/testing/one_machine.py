"""A real hub in a process of its own, and people who sign in to it: for tests that want the true thing."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from qhub_hub.environments import Environment, read_manifest
from qhub_hub.testing.waiting import PATIENCE, eventually

STATE_VERSION = "1"


class Person:
    """Somebody signed in with a browser's cookies.

    Args:
        address: of the hub.
        name: user name.
        password: what they type.
    """

    def __init__(self, address: str, name: str, password: str) -> None:
        self.name = name
        self._model = f"/users/{quote(name)}"
        self.http = httpx.Client(base_url=address, timeout=60, follow_redirects=True)
        self.http.get("/hub/login")
        self.answer = self.http.post(
            "/hub/login", params={"_xsrf": self.xsrf("/hub/")}, data={"username": name, "password": password}
        )

    def xsrf(self, path: str) -> str:
        """The token that a page below this path sends along with what it posts."""
        found = [cookie.value for cookie in self.http.cookies.jar if cookie.name == "_xsrf" and cookie.path == path]
        return found[0] or "" if found else ""

    def api(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """A request to the hub's REST API, as the pages make it."""
        return self.http.request(
            method,
            f"/hub/api{path}",
            json=json,
            headers={"X-XSRFToken": self.xsrf("/hub/"), "Referer": "/hub/"},
        )

    def submit(self, form: Mapping[str, Any], path: str | None = None) -> httpx.Response:
        """Press Start on the spawn page with these fields; redirects are not followed."""
        return self.http.post(
            path or f"/hub/spawn/{quote(self.name)}",
            params={"_xsrf": self.xsrf("/hub/")},
            data=form,
            follow_redirects=False,
        )

    def start(self, options: Mapping[str, Any] | None = None, server: str = "") -> httpx.Response:
        """Start a server by REST and wait until it runs or is refused; returns the first answer."""
        answer = self.api("POST", f"{self._model}/server{'s/' + server if server else ''}", options)
        if answer.status_code == 202:
            self.wait_for(server)
        return answer

    def server(self, server: str = "") -> dict[str, Any]:
        """The hub's model of a server; empty where it does not run."""
        user = self.api("GET", self._model).json()
        model: dict[str, Any] = user.get("servers", {}).get(server, {})
        return model

    def wait_for(self, server: str = "") -> None:
        """Wait until a pending server is ready."""
        eventually(lambda: self.server(server).get("ready"), what=f"the server of {self.name} was not ready")

    def prefix(self, server: str = "") -> str:
        """Path of a server, with a slash at its end."""
        return f"/user/{quote(self.name, safe='@~')}/{server + '/' if server else ''}"

    def open_server(self, server: str = "") -> httpx.Response:
        """Open JupyterLab, which signs in to the server itself."""
        return self.http.get(f"{self.prefix(server)}lab")

    def stop(self, server: str = "") -> None:
        """Stop a server and wait until it is gone."""
        path = f"{self._model}/server{'s/' + server if server else ''}"

        def gone() -> bool:
            return self.api("DELETE", path).status_code != 202 and not self.server(server)

        eventually(gone, what=f"the server of {self.name} did not stop")

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


class RunningHub:
    """`qhub up` in a process of its own, on a free port.

    Args:
        state: state folder; must be reachable by other users when root runs the tests.
        values: values files.
        via: command that becomes the hub's, such as `setpriv --reuid=1000`; empty: it runs as it is.
    """

    def __init__(self, state: Path, *values: Path, via: Sequence[str] = ()) -> None:
        self.state = state
        self.via = via
        self.values = values
        self.address = ""
        self.output = state.parent / f"{state.name}.out"
        self._process: subprocess.Popen[bytes] | None = None
        self._people: list[Person] = []

    def start(self, port: int = 0) -> "RunningHub":
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: it ended, or was not ready in time; with its output.
        """
        port = port or free_port()
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "qhub_hub", "up", "--port", str(port), "--state", str(self.state)]
        for path in self.values:
            command += ["-f", str(path)]
        # Killed tests must not leave a hub behind: the kernel ends it when its parent is gone.
        with self.output.open("ab") as output:
            begin = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 - this Python
                [*self.via, "/usr/bin/setpriv", "--pdeathsig", "TERM", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while b"is ready" not in self.output.read_bytes()[begin:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"qhub up is not ready:\n{self.said()}")
            time.sleep(0.05)
        return self

    def said(self) -> str:
        """All that it printed so far."""
        return self.output.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Process id of the hub."""
        if self._process is None:
            raise RuntimeError("the hub does not run")
        return self._process.pid

    def password(self, name: str) -> str:
        """What this person types to sign in."""
        admin = name in re.split(r"[ ,]+", (re.search(r"Admin\s+([^:\n]*), password", self.said()) or ["", ""])[1])
        return (self.state / "secrets" / ("admin-password" if admin else "password")).read_text().strip()

    def person(self, name: str) -> Person:
        """Sign somebody in."""
        person = Person(self.address, name, self.password(name))
        self._people.append(person)
        return person

    def built(self, namespace: str, name: str) -> Environment:
        """An environment that the values declare, once it is built.

        Raises:
            AssertionError: it can't be built, or was not in time.
        """

        def there() -> Environment | None:
            manifest = read_manifest(self.state / "files" / "environments" / namespace)
            return next((one for one in manifest if one.name == name and (one.prefix or one.message)), None)

        found = eventually(there, what=f"{namespace}/{name} was not built")
        if not found.prefix:
            raise AssertionError(f"{namespace}/{name} was not built: {found.message}")
        return found

    def interrupt(self) -> int:
        """Press Ctrl-C and wait; returns the exit code."""
        process = self._close()
        process.send_signal(signal.SIGINT)
        return process.wait(PATIENCE)

    def kill(self) -> None:
        """End the hub as a crash would: its children are not asked."""
        process = self._close()
        process.kill()
        process.wait()

    def _close(self) -> subprocess.Popen[bytes]:
        for person in self._people:
            person.close()
        self._people.clear()
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("the hub does not run")
        return process

    def stop(self) -> None:
        """End it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.interrupt()
        elif self._process is not None:
            self._close()

    def end_leftovers(self) -> None:
        """End what a killed hub left running: its proxy and people's servers, which the next start would take over."""
        for process in Path("/proc").iterdir():
            with suppress(OSError):
                said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                if process.name.isdecimal() and b"%s/" % os.fsencode(self.state) in said:
                    os.kill(int(process.name), signal.SIGKILL)


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port

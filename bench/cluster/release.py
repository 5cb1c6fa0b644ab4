"""One installed release, driven as people drive it: through a port-forward to the public proxy."""

import asyncio
import json
import os
import re
import secrets
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from qhub_hub import __version__

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TAG = os.environ.get("QHUB_IMAGE_TAG", __version__)
LITTLE = "64Mi"  # of memory, for each server of a crowd
PATIENCE = 120.0  # seconds for anything
CROWD_PATIENCE = 600.0  # seconds for the last of a crowd
ANSWER = 15.0  # seconds for one answer: a port-forward that has lost its connection keeps requests for ever


def run(*command: str, check: bool = True) -> str:
    """Run a command, and return what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


class Release:
    """A release in a namespace of its own. `async with` installs it and removes it.

    Args:
        name: of the namespace.
        chart: folder.
        values: what is set.
        token: of the service `bench` at the hub.
    """

    def __init__(self, name: str, chart: Path, values: dict[str, Any], token: str) -> None:
        self.namespace = name
        self.chart = chart
        self.values = values
        self._token = token
        self.http = httpx.AsyncClient(timeout=ANSWER, headers={"Authorization": f"token {token}"})
        self.address = ""
        self._forward: asyncio.subprocess.Process | None = None
        self.begun = 0.0

    async def __aenter__(self) -> "Release":
        run("kubectl", "create", "namespace", self.namespace)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self._let_go()
        run("helm", "uninstall", self.namespace, "-n", self.namespace, check=False)
        await asyncio.to_thread(run, "kubectl", "delete", "namespace", self.namespace, "--wait=true", check=False)

    async def install(self) -> float:
        """`helm install`; returns its seconds."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self.values, file)
            file.flush()
            self.begun = time.monotonic()
            command = ("helm", "install", self.namespace, str(self.chart), "-n", self.namespace, "-f", file.name)
            await asyncio.to_thread(run, *command)
        return time.monotonic() - self.begun

    async def sign_in(self, user: str, password: str) -> float:
        """Seconds from the beginning of the installation to the first sign-in."""
        deadline = self.begun + PATIENCE
        while time.monotonic() < deadline:
            if not self.address:
                await self._reach()
                continue
            with suppress(httpx.HTTPError):
                async with httpx.AsyncClient(base_url=self.address) as browser:
                    page = await browser.get("/hub/login")
                    if page.status_code == 200:
                        form = {"username": user, "password": password, "_xsrf": browser.cookies.get("_xsrf", "")}
                        answer = await browser.post("/hub/login", data=form)
                        if answer.status_code == 302:
                            return time.monotonic() - self.begun
                        raise SystemExit(f"sign-in was answered with {answer.status_code}: {answer.text[:500]}")
            await self._reach()
            await asyncio.sleep(0.05)
        raise SystemExit("no sign-in in time")

    async def _reach(self, instead_of: str = "") -> None:
        """Open the way to the proxy, or see that it is open.

        Args:
            instead_of: an address that did not answer.
        """
        if instead_of:
            await self._let_go()
        if self._forward is None or self._forward.returncode is not None:
            await self._open()

    async def _open(self) -> None:
        forward = await asyncio.create_subprocess_exec(
            *("kubectl", "port-forward", "-n", self.namespace, "--pod-running-timeout=1s", "service/proxy-public"),
            ":80",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._forward = forward
        line = (await forward.stdout.readline()).decode() if forward.stdout else ""
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        self.address = f"http://127.0.0.1:{found[1]}" if found else ""
        if not found:
            await forward.wait()

    async def _let_go(self) -> None:
        if self._forward is not None and self._forward.returncode is None:
            self._forward.terminate()
            await self._forward.wait()

    async def request(self, method: str, path: str) -> httpx.Response:
        """A request with the token; tried again while the way is interrupted."""
        deadline = time.monotonic() + PATIENCE
        while True:
            address = self.address
            try:
                return await self.http.request(method, f"{address}{path}")
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                await self._reach(instead_of=address)
                await asyncio.sleep(0.05)

    async def start(self, user: str) -> float:
        """Seconds from the request to the first answer of the person's own server."""
        await self.request("POST", f"/hub/api/users/{user}")
        begun = time.monotonic()
        answer = await self.request("POST", f"/hub/api/users/{user}/server")
        if answer.status_code not in (201, 202):
            raise SystemExit(f"the start was answered with {answer.status_code}: {answer.text[:500]}")
        while time.monotonic() < begun + PATIENCE:
            answer = await self.request("GET", f"/user/{user}/api/status")
            if answer.status_code == 200:
                return time.monotonic() - begun
            await asyncio.sleep(0.05)
        raise SystemExit(f"the server of {user} did not answer in time")

    async def stop(self, user: str) -> float:
        """Seconds from the request until the hub shows no server."""
        begun = time.monotonic()
        await self.request("DELETE", f"/hub/api/users/{user}/server")
        while time.monotonic() < begun + PATIENCE:
            if not (await self.request("GET", f"/hub/api/users/{user}")).json().get("servers"):
                return time.monotonic() - begun
            await asyncio.sleep(0.05)
        raise SystemExit(f"the server of {user} did not stop in time")

    async def crowd(self, people: int, within: float) -> list[float]:
        """Seconds that each of so many waits for a server, who press Start one after the other.

        Args:
            within: seconds from the first Start to the last.
        """
        text = "jsonpath={.spec.template.spec.containers[0].image}"
        image = run("kubectl", "get", "deploy", "hub", "-n", self.namespace, "-o", text)
        run("kubectl", "run", "crowd", "-n", self.namespace, f"--image={image}", "--command", "--", "sleep", "3600")
        run("kubectl", "wait", "pod/crowd", "-n", self.namespace, "--for=condition=Ready", f"--timeout={PATIENCE:.0f}s")
        job = {"address": "http://proxy-public", "token": self._token, "people": people, "within": within}
        command = ("kubectl", "exec", "-i", "-n", self.namespace, "crowd", "--", "python", "-c")
        driver = await asyncio.create_subprocess_exec(
            *command,
            (HERE / "crowd.py").read_text(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await driver.communicate(json.dumps({**job, "patience": CROWD_PATIENCE}).encode())
        if driver.returncode:
            raise SystemExit("The crowd gave up, see above.")
        waits: list[float] = json.loads(said)
        return waits

    def memory(self) -> float:
        """MiB that all processes of the hub's pod hold, shared pages counted once per process."""
        script = "cat /proc/[0-9]*/status"
        found = run("kubectl", "exec", "-n", self.namespace, "deploy/hub", "--", "sh", "-c", script)
        return sum(int(kib) for kib in re.findall(r"VmRSS:\s+(\d+) kB", found)) / 1024


def ours(name: str, crowd: bool = False) -> tuple[Release, str]:
    """QHub's chart with nothing set but the token of the one who measures; and the password, empty: generated.

    Args:
        crowd: so many servers come that each may reserve little of the nodes.
    """
    token = secrets.token_hex(16)
    role = {"services": ["bench"], "scopes": ["admin:users", "admin:servers", "access:servers"]}
    hub = {"services": {"bench": {"apiToken": token}}, "loadRoles": {"bench": role}}
    values: dict[str, Any] = {"jupyterhub": {"hub": hub}}
    if crowd:
        little = {"cpu": {"guarantee": "10m", "limit": 1}, "memory": {"guarantee": LITTLE, "limit": "2Gi"}}
        values["qhub"] = {"profiles": {"small": little}}
    return Release(name, ROOT / "helm", values, token), ""


def stock(name: str, crowd: bool = False) -> tuple[Release, str]:
    """The rival; the arguments are those of `ours`."""
    proxy = secrets.token_hex(16)
    values = {"tag": TAG, "token": proxy, "cookie": secrets.token_hex(32)}
    if crowd:
        values["memory"] = LITTLE
    return Release(name, HERE / "stock", values, f"bench-{proxy}"), "any"


def password_of(release: Release) -> str:
    """The generated password of a release of ours."""
    text = "jsonpath={.data.qhub\\.password}"
    found = run("kubectl", "get", "secret", "hub", "-n", release.namespace, "-o", text)
    return subprocess.run(["base64", "-d"], input=found, capture_output=True, text=True, check=True).stdout

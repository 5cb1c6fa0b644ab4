"""Spawns per second through a hub: QHubSpawner against plain KubeSpawner, in one run.

Both hubs are processes of their own with a namespace of their own on one fake cluster, whose pods answer at once; what
is measured is what the hub does. Rounds alternate, so that whatever else the machine does hits both alike. Goal: at
least 0.97 times as many spawns per second. On a busy machine the processor time of the hubs says more than that.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from qhub_hub.testing.kube import FakeKube
from qhub_hub.testing.one_machine import free_port

ROUNDS = 10  # even: each is first as often as the other
AT_ONCE = 40
SETTLE = 0.5  # seconds

TICKS = os.sysconf("SC_CLK_TCK")

Measure = Callable[[], Awaitable[float]]

COMMON = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{"/": {{"routespec": "/", "target": "", "data": {{}}}}}}

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = {address!r}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "bench", "api_token": "bench-bench-bench"}}]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers"]}}]
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = False
c.JupyterHub.log_level = "ERROR"
c.KubeSpawner.namespace = {namespace!r}
c.KubeSpawner.image = "registry.example/lab:1"
"""

PLAIN = """
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.cpu_limit, c.KubeSpawner.mem_limit = 1, "2G"
"""

OURS = """
from qhub_hub.config import LiveConfig
from qhub_hub.hub.site import Site
from qhub_hub.identity.store import IdentityStore

class Made:
    def ensure(self, wanted):
        list(wanted)

site = Site(LiveConfig({values!r}), IdentityStore({databases!r} + '/ids.sqlite'), Made())
c.JupyterHub.tornado_settings = {{"qhub": site}}
c.JupyterHub.spawner_class = "qhub_hub.hub.kube.QHubSpawner"
"""

VALUES = """
qhub:
  culling: {enabled: false}
  groups: {data: {members: [user-1, user-2]}}
  profiles: {small: {order: -1, cpu: {limit: 1}, memory: {limit: 2G}}}
"""


@dataclass(frozen=True)
class Kind:
    """What makes a hub differ from others.

    Args:
        own: its configuration besides what all have in common.
        run: arguments of Python, before the configuration file.
        people: how many it knows.
        values: its values file.
    """

    own: str
    run: tuple[str, ...] = ("-m", "jupyterhub", "-f")
    people: int = AT_ONCE
    values: str = VALUES


class Hub:
    """A hub in a process of its own.

    Args:
        folder: made for it.
        namespace: where its pods are.
    """

    def __init__(self, folder: Path, kubeconfig: Path, namespace: str, kind: Kind) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "values.yaml").write_text(kind.values)
        address = f"http://127.0.0.1:{free_port()}"
        places = {"values": str(folder / "values.yaml"), "databases": f"sqlite:///{folder}"}
        config = folder / "config.py"
        config.write_text(COMMON.format(address=address, namespace=namespace) + kind.own.format(**places))
        with (folder / "hub.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/setpriv", "--pdeathsig", "TERM", sys.executable, *kind.run, str(config)],
                cwd=folder,
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.AsyncClient(
            base_url=f"{address}/hub/api",
            headers={"Authorization": "token bench-bench-bench"},
            timeout=120,
            limits=httpx.Limits(max_connections=AT_ONCE),
        )
        self.people = [f"user-{number}" for number in range(kind.people)]

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    async def ready(self) -> None:
        """Wait until it answers, and make people known."""

        async def answers() -> bool:
            try:
                return (await self.http.get("/")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answers)
        await self.http.post("/users", json={"usernames": self.people})

    async def round(self) -> float:
        """Start a server for everybody at once and stop them again; spawns per second."""
        begun = time.monotonic()
        answers = await asyncio.gather(*(self.http.post(f"/users/{name}/server") for name in self.people))
        if wrong := {answer.status_code for answer in answers} - {201, 202}:
            raise RuntimeError(f"spawns failed: {wrong}")
        await until(lambda: self._servers_are(lambda servers: bool(servers) and servers[""]["ready"]))
        took = time.monotonic() - begun
        await asyncio.gather(*(self.http.delete(f"/users/{name}/server") for name in self.people))
        await until(lambda: self._servers_are(lambda servers: not servers))
        return len(self.people) / took

    async def one(self) -> float:
        """Seconds from POST to a server that is ready, nothing else going on."""
        begun = time.monotonic()
        await self.http.post("/users/user-0/server")
        took = time.monotonic() - begun
        await self.http.delete("/users/user-0/server")
        await until(lambda: self._servers_are(lambda servers: not servers))
        return took

    async def _servers_are(self, so: Callable[[dict[str, Any]], bool]) -> bool:
        users = (await self.http.get("/users?limit=200")).json()
        return all(so(user["servers"]) for user in users if user["name"] in self.people)

    async def close(self) -> None:
        await self.http.aclose()
        self.process.terminate()
        try:
            await asyncio.to_thread(self.process.wait, 30)
        except subprocess.TimeoutExpired:
            self.process.kill()  # or it would go on, and take its part of the next figures
            self.process.wait()


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 120, pause: float = 0.05) -> None:
    """Wait until something is so; looks with pauses of so many seconds."""
    deadline = time.monotonic() + seconds
    while not await look():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(pause)


async def both(ours: Measure, plain: Measure, number: int) -> tuple[float, float]:
    """Measure one after the other, in turns first; what the one before leaves to do is over by then."""
    found = {}
    for name, measure in (("ours", ours), ("plain", plain))[:: 1 if number % 2 else -1]:
        await asyncio.sleep(SETTLE)
        found[name] = await measure()
    return found["ours"], found["plain"]


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="qhub-bench-", ignore_cleanup_errors=True) as name:
        await measure_in(Path(name))


async def measure_in(folder: Path) -> None:
    """Run both hubs with their state below a folder, and say what was found."""
    async with FakeKube() as kube:
        kubeconfig = kube.kubeconfig(folder / "kubeconfig")
        for name in ("ours", "plain"):
            kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        ours, plain = (
            Hub(folder / "ours", kubeconfig, "ours", Kind(OURS)),
            Hub(folder / "plain", kubeconfig, "plain", Kind(PLAIN)),
        )
        try:
            for hub in (ours, plain):
                await hub.ready()
                await hub.round()  # warm
            before = [hub.cpu() for hub in (ours, plain)]
            rates = [await both(ours.round, plain.round, number) for number in range(ROUNDS)]
            used = [
                1000 * (hub.cpu() - then) / ROUNDS / AT_ONCE for hub, then in zip((ours, plain), before, strict=True)
            ]
            singles = [await both(ours.one, plain.one, number) for number in range(ROUNDS)]
        finally:
            await ours.close()
            await plain.close()
    mine, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(one / other for one, other in rates)
    print(
        f"{AT_ONCE} spawns at once: QHubSpawner {mine:.1f}/s, KubeSpawner {theirs:.1f}/s, "
        f"ratio {ratio:.2f} (median of pairs; goal >= 0.97)"
    )
    print("rounds: " + ", ".join(f"{one:.1f}/{other:.1f}" for one, other in rates))
    print(
        f"processor time of a start and a stop: QHubSpawner {used[0]:.1f} ms, KubeSpawner {used[1]:.1f} ms, "
        f"ratio {used[0] / used[1]:.2f}"
    )
    mine, theirs = (statistics.median(column) for column in zip(*singles, strict=True))
    print(f"one warm spawn: QHubSpawner {mine:.3f} s, KubeSpawner {theirs:.3f} s, ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    asyncio.run(main())

"""A thousand running servers: processor time and memory of the hub, QHub against JupyterHub with plain KubeSpawner.

Both hubs are processes of their own on one fake cluster and do everything at the same time, so that what else the
machine does hits both alike. QHub has all of its timers: values, revocation, usage record. Goal: at most 1.05 times as
much of either.

Run: `python bench/kube_thousand.py [servers]`; with `PROFILE=folder` both hubs write cProfile's statistics there.
"""

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kube_spawn import OURS, PLAIN, Hub, Kind, until

from qhub_hub.testing.kube import FakeKube

SERVERS = 1000
WORKERS = 15
AGAIN = 50  # servers that are started anew beside those that run
ROUNDS = 4
REST = float(os.environ.get("REST", 60))  # seconds

RECORD = """
from qhub_hub.hub.usage import UsageRecord
c.JupyterHub.tornado_settings["qhub_usage"] = UsageRecord({databases!r} + "/usage.sqlite")
from qhub_hub.hub import culling
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.services.append({{"name": culling.NAME, "api_token": culling.token(c.JupyterHub.cookie_secret)}})
c.JupyterHub.load_roles.append(
    {{"name": culling.NAME, "services": [culling.NAME], "scopes": list(culling.SCOPES)}}
)
"""

PROFILED = """
import atexit, cProfile
profile = cProfile.Profile()
atexit.register(profile.dump_stats, {to!r})
profile.enable()
"""

QHUB = """
import sys
from qhub_hub.hub.application import QHub
QHub.config_file = sys.argv[1]
QHub.launch_instance()
"""


class Measured(Hub):
    """A hub whose process is looked at from outside."""

    def memory(self) -> float:
        """Resident, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    async def known(self) -> None:
        """Make people known, some at a time."""
        for first in range(0, len(self.people), 100):
            await self.http.post("/users", json={"usernames": self.people[first : first + 100]})

    async def start(self, names: list[str]) -> float:
        """Start servers, some at a time; returns seconds of processor time for each."""
        before = self.cpu()
        waiting = iter(names)
        await asyncio.gather(*(self._start_in_turn(waiting) for _ in range(WORKERS)))
        return (self.cpu() - before) / len(names)

    async def _start_in_turn(self, waiting: Iterator[str]) -> None:
        for name in waiting:
            answer = await self.http.post(f"/users/{name}/server")
            if answer.status_code not in (201, 202):
                raise RuntimeError(f"{name}: {answer.status_code} {answer.text}")
            if answer.status_code == 202:
                await until(lambda name=name: self._is(name, True), pause=1)

    async def stop(self, names: list[str]) -> None:
        """Stop servers, all at once: the plain spawner waits with random pauses, which take nobody's processor."""
        await asyncio.gather(*(self.http.delete(f"/users/{name}/server") for name in names))
        for name in names:
            await until(lambda name=name: self._is(name, False), pause=1)

    async def _is(self, name: str, running: bool) -> bool:
        servers = (await self.http.get(f"/users/{name}")).json()["servers"]
        return bool(servers and servers[""]["ready"]) if running else not servers


def hubs(folder: Path, kubeconfig: Path, servers: int) -> tuple[Measured, Measured]:
    """Both hubs, started."""
    own = {"ours": OURS + RECORD, "plain": PLAIN}
    if to := os.environ.get("PROFILE"):
        own = {name: PROFILED.format(to=f"{to}/{name}.profile") + text for name, text in own.items()}
    kinds = {
        "ours": Kind(own["ours"], run=("-c", QHUB), people=servers),
        "plain": Kind(own["plain"], people=servers),
    }
    ours, plain = (Measured(folder / name, kubeconfig, name, kind) for name, kind in kinds.items())
    return ours, plain


async def measure(ours: Measured, plain: Measured) -> None:
    """Fill both, look at them at rest, then start some servers anew in turns."""
    both = (ours, plain)
    for hub in both:
        await hub.ready()
        await hub.known()
    say("memory without servers", *(hub.memory() for hub in both), "MiB")
    filled = await asyncio.gather(*(hub.start(hub.people) for hub in both))
    say(f"processor time of each of the first {len(ours.people)} starts", *(1000 * each for each in filled), "ms")
    await asyncio.sleep(5)
    before = [hub.cpu() for hub in both]
    await asyncio.sleep(REST)
    rest = [(hub.cpu() - then) * 60 / REST for hub, then in zip(both, before, strict=True)]
    say(f"at rest with {len(ours.people)} servers, processor time in a minute", *rest, "s")
    say(f"memory with {len(ours.people)} servers", *(hub.memory() for hub in both), "MiB")
    rounds = []
    for number in range(ROUNDS):
        found = {}
        for hub in both[:: 1 if number % 2 else -1]:
            some = hub.people[:AGAIN]
            await hub.stop(some)
            found[hub] = await hub.start(some)
        rounds.append([1000 * found[hub] for hub in both])
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    say("processor time of another start beside them", mine, theirs, "ms")
    print("rounds: " + ", ".join(f"{one:.1f}/{other:.1f}" for one, other in rounds))
    say("memory after that", *(hub.memory() for hub in both), "MiB")


def say(what: str, mine: float, theirs: float, unit: str) -> None:
    """Print a figure and its ratio."""
    print(f"{what}: QHub {mine:.2f} {unit}, plain {theirs:.2f} {unit}, ratio {mine / theirs:.2f}", flush=True)


async def main(servers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="qhub-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with FakeKube() as kube:
            kubeconfig = kube.kubeconfig(folder / "kubeconfig")
            for namespace in ("ours", "plain"):
                kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            both = hubs(folder, kubeconfig, servers)
            try:
                await measure(*both)
            except (TimeoutError, RuntimeError):
                for hub in both:
                    print((hub.folder / "hub.log").read_text()[-3000:])
                raise
            finally:
                for hub in both:
                    await hub.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SERVERS))

"""How fast the fake cluster is: pods from creation to ready, a server through a whole hub.

Run: python bench/fake_kube.py

Goals: at least 300 pods per second with stub kubelets; a warm start through JupyterHub and KubeSpawner within 0.4 s.
The rival in the same run is the fake without its node: creation alone, which is what HTTP and the store cost.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from qhub_hub.testing.kube import FakeKube

PODS, AT_ONCE, ROUNDS = 1000, 40, 3
GOAL_PODS, GOAL_SPAWN = 300, 0.4
PATH = "/api/v1/namespaces/default"

HUB = """
import json, time

async def test_starts(hub):
    running, took = await hub(config={"JupyterHub": {"log_level": 50, "concurrent_spawn_limit": 0}}), []
    for _ in range(12):
        begun = time.perf_counter()
        assert (await running.start("ann")).status == 201
        took.append(time.perf_counter() - begun)
        await running.stop("ann")
    print("SECONDS", json.dumps(took))
"""


def pod(number: int) -> bytes:
    container = {"name": "notebook", "image": "example.org/lab:1", "ports": [{"containerPort": 8888}]}
    metadata = {"name": f"pod-{number}", "labels": {"component": "singleuser-server"}}
    return json.dumps({"metadata": metadata, "spec": {"containers": [container]}}).encode()


async def create(http: aiohttp.ClientSession, resource: str, bodies: list[bytes]) -> None:
    waiting = iter(bodies)

    async def worker() -> None:
        for body in waiting:
            async with http.post(f"{PATH}/{resource}", data=body) as answer:
                answer.raise_for_status()
                await answer.read()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def ready(http: aiohttp.ClientSession, begun: asyncio.Event) -> None:
    """Follow a watch until all pods are ready, as a reflector does."""
    seen = set()
    query = {"watch": "1", "labelSelector": "component=singleuser-server"}
    async with http.get(f"{PATH}/pods", params=query) as watch:
        begun.set()
        async for line in watch.content:
            found = json.loads(line)["object"]
            if found["status"]["phase"] == "Running":
                seen.add(found["metadata"]["name"])
            if len(seen) == PODS:
                return


async def measure() -> tuple[float, float]:
    """Pods per second from creation to ready, and plain objects per second from creation to the answer."""
    async with (
        FakeKube() as kube,
        aiohttp.ClientSession(kube.url, connector=aiohttp.TCPConnector(limit=0), read_bufsize=2**20) as http,
    ):
        begun = asyncio.Event()
        following = asyncio.ensure_future(ready(http, begun))
        await begun.wait()
        start = time.perf_counter()
        await create(http, "pods", [pod(number) for number in range(PODS)])
        await following
        pods = PODS / (time.perf_counter() - start)
        plain = [json.dumps({"metadata": {"name": f"map-{number}"}}).encode() for number in range(PODS)]
        start = time.perf_counter()
        await create(http, "configmaps", plain)
        return pods, PODS / (time.perf_counter() - start)


def starts() -> list[float]:
    """Seconds of starts through a hub, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_starts.py"
        test.write_text(HUB)
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
        done = subprocess.run([*command, str(test)], cwd=folder, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    if not found:
        raise RuntimeError(done.stdout + done.stderr)
    seconds: list[float] = json.loads(found[0].removeprefix("SECONDS"))
    return seconds


def main() -> None:
    rounds = [asyncio.run(measure()) for _ in range(ROUNDS)]
    pods, plain = max(rounds)
    print(
        f"pods, creation -> ready: {pods:.0f}/s (goal >= {GOAL_PODS}); plain objects: {plain:.0f}/s, "
        f"ratio {pods / plain:.2f}; rounds: {', '.join(f'{one:.0f}' for one, _ in rounds)}"
    )
    first, *warm = starts()
    middle = statistics.median(warm)
    print(f"start through the hub: first {first:.2f} s, warm {middle:.2f} s (goal <= {GOAL_SPAWN})")


if __name__ == "__main__":
    main()

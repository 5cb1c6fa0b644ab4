"""People who all ask for a Dask cluster at once: seconds until all run, ours against the stock gateway.

    python bench/dask_clusters.py [people] [rounds]

Both are Dask-Gateway with its bundled proxy, its database and JupyterHub's tokens, which a stand-in of a hub answers
for. Their schedulers are stand-ins as well, the same for both: they report to the gateway as a scheduler does, from
inside its process, so that the gateway is measured and not how fast this machine starts Python. Ours asks the hub who
somebody is, decides with limits over all clusters, and lets the cluster scale by itself.
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from qhub_hub.testing.one_machine import free_port

GOAL = 0.1
TOKEN = "bench"
HEARD = {"count": 0, "active_workers": [], "closing_workers": [], "closed_workers": []}
VALUES = (
    "qhub: {profiles: {small: {cpu: {limit: 1}, memory: {limit: 1Gi}}}, limits: {everyone: {dask: {clusters: 3}}}}\n"
)


class StandIn:
    """Put before a backend: its schedulers are no processes, but say all that one says."""

    async def do_setup(self) -> None:
        await super().do_setup()  # type: ignore[misc]
        app = web.Application()
        app.router.add_post("/api/comm", lambda request: web.Response())
        self._answering = web.AppRunner(app)
        await self._answering.setup()
        await web.TCPSite(self._answering, "127.0.0.1", 0).start()
        self._reporting: set[asyncio.Task[None]] = set()

    async def do_cleanup(self) -> None:
        await self._answering.cleanup()

    async def do_start_cluster(self, cluster: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"started": True}
        task = asyncio.create_task(self._report(cluster))
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def do_stop_cluster(self, cluster: Any) -> None:
        pass

    async def do_check_clusters(self, clusters: Any) -> list[bool]:
        return [True for _ in clusters]

    async def _report(self, cluster: Any) -> None:
        port = self._answering.addresses[0][1]
        where = {"scheduler_address": f"tls://127.0.0.1:{port}", "api_address": f"http://127.0.0.1:{port}"}
        url = f"{self.api_url}/v1/clusters/{cluster.name}/heartbeat"  # type: ignore[attr-defined]
        headers = {"Authorization": f"token {cluster.token}"}
        said = {**HEARD, **where, "dashboard_address": ""}
        async with aiohttp.ClientSession() as http, http.post(url, json=said, headers=headers) as answer:
            answer.raise_for_status()


def serve(which: str, hub: str, port: int, folder: Path) -> None:
    """Run one of the two gateways until it is ended."""
    os.environ |= {"JUPYTERHUB_API_URL": hub, "JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "dask-gateway"}
    shared = {
        "DaskGateway": {"address": "127.0.0.1:0", "log_level": "ERROR"},
        "Proxy": {"address": f"127.0.0.1:{port}"},
    }
    database = {
        "db_url": f"sqlite:///{folder / 'dask.sqlite'}",
        "db_encrypt_keys": ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="],
    }
    (_ours if which == "ours" else _stock)(shared, database, hub, folder).start()


def _stock(shared: dict[str, Any], database: dict[str, Any], hub: str, folder: Path) -> Any:
    from dask_gateway_server.app import DaskGateway
    from dask_gateway_server.auth import JupyterHubAuthenticator
    from dask_gateway_server.backends.db_base import DBBackendBase
    from traitlets.config import Config

    class Backend(StandIn, DBBackendBase):
        pass

    class Gateway(DaskGateway):
        def load_config_file(self, filename: str) -> None:
            pass

    shared["DaskGateway"] |= {"backend_class": Backend, "authenticator_class": JupyterHubAuthenticator}
    gateway = Gateway(config=Config(**shared, DBBackendBase=database))
    gateway.initialize([])
    return gateway


def _ours(shared: dict[str, Any], database: dict[str, Any], hub: str, folder: Path) -> Any:
    from qhub_hub.cli.dask_serve import LocalGateway
    from qhub_hub.config import LiveConfig
    from qhub_hub.dask.gateway import gateway_settings
    from qhub_hub.dask.hub_api import HubApi
    from qhub_hub.dask.local.backend import QHubLocalBackend
    from qhub_hub.dask.local.cluster_config import Place
    from qhub_hub.dask.values import GatewayValues
    from qhub_hub.environments import Manifests

    class Backend(StandIn, QHubLocalBackend):
        pass

    shared["DaskGateway"] |= {"backend_class": Backend}
    values = folder / "values.yaml"
    values.write_text(VALUES)
    api = HubApi(hub, TOKEN)
    gateway = LocalGateway(
        config=gateway_settings(api, "dask-gateway", {**shared, "QHubLocalBackend": database}),
        values=GatewayValues(LiveConfig(values), Manifests(folder / "environments")),
        hub=api,
        place=Place(folder, None, sys.executable),
    )
    gateway.initialize()
    return gateway


@asynccontextmanager
async def stand_in_hub() -> AsyncIterator[str]:
    """What both gateways ask a hub: whose token it is, and who that is to Linux."""

    async def owner(request: web.Request) -> web.Response:
        name = request.headers["Authorization"].removeprefix("token ")
        return web.json_response(
            {"name": name, "groups": [], "admin": False, "kind": "user", "scopes": ["access:services"]}
        )

    async def identity(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        uid = 100_000 + int(name.removeprefix("user-"))
        said = {"name": name, "posix": name, "uid": uid, "gid": uid, "groups": [], "directory": name, "gecos": name}
        said |= {"home": f"/home/{name}", "shell": "/bin/bash", "admin": False}
        return web.json_response({"identity": said, "passwd": "", "group": "", "server_running": True})

    app = web.Application()
    app.router.add_get("/hub/api/user", owner)
    app.router.add_get("/hub/api/authorizations/token/{token}", owner)
    app.router.add_get("/hub/api/qhub/identity/{name}", identity)
    app.router.add_post("/hub/api/qhub/clusters", lambda request: web.json_response({}))
    running = web.AppRunner(app)
    await running.setup()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{running.addresses[0][1]}/hub/api"
    await running.cleanup()


@asynccontextmanager
async def gateway(which: str, hub: str) -> AsyncIterator[str]:
    """One of the two, answering; ended with its proxy."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [sys.executable, __file__, "serve", which, hub, str(port), folder]
        process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
        url = f"http://127.0.0.1:{port}/api"
        try:
            await _until_up(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), 60)


async def _until_up(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as http:
        while process.returncode is None:
            try:
                async with http.get(f"{url}/health") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise SystemExit("The gateway ended before it answered.")


async def crowd(url: str, people: int) -> tuple[float, list[float]]:
    """Seconds until the clusters of all run, and what each of them waited."""

    async def one(number: int) -> float:
        # A connection and a cookie of their own, as everybody's client has.
        jar, headers = aiohttp.CookieJar(unsafe=True), {"Authorization": f"jupyterhub user-{number}"}
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as http:
            begun = time.perf_counter()
            async with http.get(f"{url}/v1/options") as answer:
                answer.raise_for_status()
            async with http.post(f"{url}/v1/clusters/", json={"cluster_options": {}}) as answer:
                if answer.status != 201:
                    raise SystemExit(f"A cluster was refused: {answer.status} {answer.reason}")
                name = (await answer.json())["name"]
            status = ""
            while status != "RUNNING":
                async with http.get(f"{url}/v1/clusters/{name}?wait") as answer:
                    status = (await answer.json())["status"]
            return time.perf_counter() - begun

    begun = time.perf_counter()
    waits = await asyncio.gather(*(one(number) for number in range(people)))
    return time.perf_counter() - begun, sorted(waits)


async def main(people: int = 200, rounds: int = 3) -> int:
    took: dict[str, list[float]] = {"ours": [], "stock": []}
    async with stand_in_hub() as hub:
        for _ in range(rounds):  # in turn, so that a busy machine slows both
            for which, seconds in took.items():
                async with gateway(which, hub) as url:
                    await crowd(url, 1)  # what is imported with the first request
                    whole, waits = await crowd(url, people)
                seconds.append(whole)
                middle, late = statistics.median(waits), waits[round(0.95 * len(waits)) - 1]
                print(
                    f"{which}: {people} clusters run after {whole:.2f} s; median {middle:.2f} s, p95 {late:.2f} s",
                    flush=True,
                )
    ratio = statistics.median(took["ours"]) / statistics.median(took["stock"])
    print(f"ours of stock: {ratio:.3f} (goal {GOAL})")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(asyncio.run(main(*map(int, sys.argv[1:]))))

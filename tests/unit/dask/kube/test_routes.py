"""The bundled proxy, as it is, leads clients to schedulers: with the API that it began with, and with the next one."""

import asyncio
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, web
from dask_gateway_server.models import Cluster, ClusterStatus
from dask_gateway_server.proxy import core

from qhub_hub.dask.kube.routes import Routes
from qhub_hub.dask.tls import new_keypair

TOKEN = "0123456789abcdef" * 4


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def cluster(name: str, address: str, status: ClusterStatus = ClusterStatus.RUNNING) -> Cluster:
    return Cluster(name, "ann", "", {}, {}, status, scheduler_address=address)


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="the API")


@pytest.fixture
async def schedulers() -> AsyncIterator[Callable[[str], str]]:
    """Stand-ins for schedulers with a certificate of their own, which say their names: `schedulers("team.a")`."""
    async with AsyncExitStack() as stack:

        async def start(name: str) -> str:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with tempfile.NamedTemporaryFile() as file:
                file.write(b"".join(new_keypair(name)))
                file.flush()
                context.load_cert_chain(file.name)

            async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(name.encode())
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
            await stack.enter_async_context(server)
            return f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start


@pytest.fixture
async def api() -> AsyncIterator[Callable[[int], Routes]]:
    """The part of the gateway's API that the proxy asks: `await api(port)`; again, for the one after it."""
    runners: list[web.AppRunner] = []

    async def start(port: int) -> Routes:
        while runners:
            await runners.pop().cleanup()
        routes = Routes(api_token=TOKEN, externally_managed=True, gateway_url=f"http://127.0.0.1:{port}", prefix="/lab")
        app = web.Application()
        app.add_routes([web.get("/hello", hello)])
        await routes.setup(app)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        runners.append(runner)
        return routes

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def proxy() -> AsyncIterator[Callable[[int], int]]:
    """The proxy itself: `await proxy(port_of_the_api)` is its port. It ends with the pipe to it, whatever happens."""
    running: list[asyncio.subprocess.Process] = []

    async def start(api_port: int) -> int:
        port = free_port()
        words = ("-address", f"127.0.0.1:{port}", "-api-url", f"http://127.0.0.1:{api_port}/api/v1/routes")
        running.append(
            await asyncio.create_subprocess_exec(
                core._PROXY_EXE,
                *words,
                "-is-child-process",
                stdin=asyncio.subprocess.PIPE,
                env={"DASK_GATEWAY_PROXY_TOKEN": TOKEN},
            )
        )
        return port

    yield start
    for process in running:
        process.kill()
        await process.wait()


async def reached(port: int, name: str) -> str:
    """Which scheduler answers a client of that cluster; empty: none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=f"daskgateway-{name}"
        )
        said = await reader.read(100)
        writer.close()
    except (OSError, ssl.SSLError):
        return ""
    return said.decode()


async def becomes(port: int, name: str, wanted: str) -> None:
    async with asyncio.timeout(20):
        while await reached(port, name) != wanted:  # noqa: ASYNC110 - the proxy is another process
            await asyncio.sleep(0.05)


async def test_clients_are_led_to_the_scheduler_of_their_cluster_as_long_as_it_runs(schedulers, api, proxy) -> None:
    api_port = free_port()
    routes = await api(api_port)
    port = await proxy(api_port)
    for name in ("team.a", "team.b"):
        await routes.lead_to(name, cluster(name, await schedulers(name)))
    await becomes(port, "team.a", "team.a")
    await becomes(port, "team.b", "team.b")
    await routes.lead_to("team.a", cluster("team.a", "", ClusterStatus.STOPPED))
    await routes.lead_to("team.b", None)
    await becomes(port, "team.a", "")
    await becomes(port, "team.b", "")


async def test_a_proxy_that_outlives_the_api_learns_what_the_next_one_knows(schedulers, api, proxy) -> None:
    api_port = free_port()
    routes = await api(api_port)
    port = await proxy(api_port)
    # More events than the next one will ever have had: by upstream's numbers the proxy would wait for the hundredth.
    for number in range(50):
        await routes.lead_to(
            f"team.{number}", cluster("x", await schedulers("old") if not number else "tls://127.0.0.1:1")
        )
    await becomes(port, "team.0", "old")
    routes = await api(api_port)
    await routes.lead_to("team.new", cluster("team.new", await schedulers("new")))
    await becomes(port, "team.new", "new")


async def test_requests_reach_the_api_below_its_path_and_no_dashboard_is_open(schedulers, api, proxy) -> None:
    api_port = free_port()
    routes = await api(api_port)
    port = await proxy(api_port)
    await routes.lead_to("team.a", cluster("team.a", await schedulers("team.a")))
    await becomes(port, "team.a", "team.a")
    async with ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{port}/lab/hello") as answer:
            assert await answer.text() == "the API"
        async with http.get(f"http://127.0.0.1:{port}/lab/clusters/team.a/status") as answer:
            assert answer.status == 404


async def test_a_proxy_that_has_gone_is_forgotten_and_no_error(schedulers, api, proxy) -> None:
    api_port = free_port()
    routes = await api(api_port)
    async with ClientSession(headers={"Authorization": f"token {TOKEN}"}) as http:
        answer = await http.get(f"http://127.0.0.1:{api_port}/api/v1/routes?watch=1&last_id={routes.offset}")
        assert len(routes._watchers) == 1
        answer.close()
    async with asyncio.timeout(10):
        while routes._watchers:
            await routes.lead_to("team.a", cluster("team.a", "tls://127.0.0.1:1"))
            await routes.lead_to("team.a", None)
            await asyncio.sleep(0.02)

"""Clusters for the conformance tests: always the fake, and a real one where a kubeconfig is named."""

import asyncio
import contextlib
import json
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import load_kube_config

from qhub_hub.testing.kube import FakeKube
from qhub_hub.testing.waiting import PATIENCE

REAL = os.environ.get("QHUB_CONFORMANCE_KUBECONFIG")
IMAGE = os.environ.get("QHUB_CONFORMANCE_IMAGE", "registry.k8s.io/pause:3.10")  # runs until it is stopped


class Cluster:
    """A cluster and a namespace of its own on it."""

    def __init__(self, http: aiohttp.ClientSession, real: bool) -> None:
        self.http = http
        self.real = real
        self.namespace = f"qhub-conformance-{secrets.token_hex(4)}"

    def path(self, resource: str, name: str = "", namespace: str = "") -> str:
        """Address of a collection or object: `pods`, `apps/v1/deployments`."""
        group, _, plural = resource.rpartition("/")
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{namespace or self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        """Status and body of an answer."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": kind} if data is not None else {}
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def create(self, resource: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create an object that must be accepted."""
        status, body = await self.ask("POST", self.path(resource), manifest)
        assert status == 201, body
        return body

    async def read(self, resource: str, name: str) -> dict[str, Any]:
        """An object that must be there."""
        status, body = await self.ask("GET", self.path(resource, name))
        assert status == 200, body
        return body

    async def version(self, resource: str) -> str:
        """From where a watch sees all that comes."""
        return (await self.ask("GET", self.path(resource)))[1]["metadata"]["resourceVersion"]

    @contextlib.asynccontextmanager
    async def watch(self, resource: str, **query: str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
        """Open a watch; the function gives the next event, or None at its end."""
        query = {"watch": "1", "timeoutSeconds": "60", **query}
        async with self.http.get(self.path(resource), params=query) as answer:
            assert answer.status == 200, await answer.text()

            async def following() -> Any:
                async with asyncio.timeout(PATIENCE):
                    # A pod with its managed fields is longer than the lines that aiohttp reads by default.
                    line = await answer.content.readuntil(b"\n")
                return json.loads(line) if line else None

            yield following

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """Look again until something is there."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await look()):  # noqa: ASYNC110 - over HTTP there is nothing to wait for
                await asyncio.sleep(0.02)
            return found

    async def gone(self, resource: str, name: str) -> None:
        """Wait until an object is no more."""

        async def look() -> bool:
            return (await self.ask("GET", self.path(resource, name)))[0] == 404

        await self.until(look)


@contextlib.asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with a cluster's API server."""
    config = Configuration()
    await load_kube_config(str(kubeconfig), client_configuration=config)
    trust: ssl.SSLContext | bool = True
    if config.ssl_ca_cert:
        trust = ssl.create_default_context(cafile=config.ssl_ca_cert)
        if config.cert_file:
            trust.load_cert_chain(config.cert_file, config.key_file)
    token = await config.get_api_key_with_prefix("BearerToken")
    headers = {"Authorization": token} if token else {}
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(config.host, connector=connector, headers=headers, read_bufsize=2**20) as http:
        yield http


@pytest.fixture(params=["fake", *(["real"] if REAL else [])])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A namespace on the fake, and on the real cluster that QHUB_CONFORMANCE_KUBECONFIG names."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "real":
            kubeconfig = Path(str(REAL))
        else:
            kube = await stack.enter_async_context(FakeKube())
            kubeconfig = kube.kubeconfig(tmp_path / "kubeconfig.yaml")
        cluster = Cluster(await stack.enter_async_context(connected(kubeconfig)), request.param == "real")
        await cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": cluster.namespace}})

        async def furnished() -> bool:
            paths = [cluster.path("serviceaccounts", "default"), cluster.path("configmaps", "kube-root-ca.crt")]
            return all([(await cluster.ask("GET", path))[0] == 200 for path in paths])

        await cluster.until(furnished)
        yield cluster
        await cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}")

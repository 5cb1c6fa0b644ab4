"""A proxy that was started anew gets its routes back within seconds."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientResponseError
from jupyterhub.proxy import ConfigurableHTTPProxy

from qhub_hub.hub import routes


class Proxy(ConfigurableHTTPProxy):
    """One that knows the routes it was given."""

    def __init__(self, known: set[str], fails: Exception | None = None) -> None:
        super().__init__(should_start=False, auth_token="x", api_url="http://127.0.0.1:1")
        self.known, self.fails = known, fails
        self.asked = 0
        self.mended = 0

    async def api_request(self, path: str, method: str = "GET", body: Any = None) -> None:
        self.asked += 1
        if self.fails:
            raise self.fails
        if path not in self.known:
            raise ClientResponseError(SimpleNamespace(real_url=""), (), status=404)  # type: ignore[arg-type]

    async def check_routes(self, users: Any, services: Any, routes: Any = None) -> None:
        self.mended += 1
        self.known.add("/user/ann")


class Users(dict[str, Any]):
    """The hub's users; says when they were looked through."""

    def __init__(self, **spawner: Any) -> None:
        server = {"ready": True, "pending": None, "proxy_spec": "/user/ann/", **spawner}
        super().__init__(ann=SimpleNamespace(spawners={"": SimpleNamespace(**server)}))
        self.looked_at = asyncio.Event()

    def values(self) -> Any:
        self.looked_at.set()
        return super().values()


async def looked(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, **spawner: Any) -> None:
    """Three looks, of which two are over for certain."""
    monkeypatch.setattr(routes, "LOOK_EVERY", 0.01)
    users = Users(**spawner)
    log = logging.getLogger("quiet")
    timer = routes.follow_proxy(SimpleNamespace(users=users, proxy=proxy, _service_map={}, log=log))
    try:
        for _ in range(3):
            users.looked_at.clear()
            async with asyncio.timeout(5):
                await users.looked_at.wait()
    finally:
        timer.stop()


async def test_routes_that_are_gone_are_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(set())
    await looked(proxy, monkeypatch)
    assert proxy.mended == 1


async def test_a_proxy_that_knows_them_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy({"/user/ann"})
    await looked(proxy, monkeypatch)
    assert proxy.mended == 0


async def test_a_proxy_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(set(), fails=ClientConnectionError())
    await looked(proxy, monkeypatch)
    assert proxy.mended == 0


async def test_nobody_is_asked_while_no_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(set())
    await looked(proxy, monkeypatch, pending="spawn")
    assert proxy.asked == 0

"""JupyterHub's proxy in the test process: people reach hub and servers by one address, and no Node is needed."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from jupyterhub.proxy import Proxy
from multidict import CIMultiDict
from yarl import URL

# Between two neighbours only (RFC 9110, 7.6.1); each side of the proxy says its own.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "trailer", "transfer-encoding", "upgrade"})
_WEBSOCKET = frozenset({"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"})
_LINGER = 0.01  # seconds for open connections at the end


class InProcessProxy(Proxy):  # type: ignore[misc] # jupyterhub is not typed
    """Passes requests and websockets on by the longest route, as configurable-http-proxy does."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._routes: dict[str, dict[str, Any]] = {}
        self._client: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        """Pass on what begins like this."""
        self._routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        """Forget a route."""
        self._routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """All routes."""
        return dict(self._routes)

    async def start(self) -> None:
        """Listen on the hub's public address."""
        address = urlsplit(self.public_url)
        # As the other side sent it: neither unpacked nor with cookies of its own.
        self._client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        self._runner = web.ServerRunner(web.Server(self._pass_on), shutdown_timeout=_LINGER)
        await self._runner.setup()
        await web.TCPSite(self._runner, address.hostname, address.port).start()

    async def stop(self) -> None:
        """Close all connections; for a proxy that never started, nothing."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    def _target(self, path: str) -> str | None:
        found = [spec for spec in self._routes if path.startswith(spec) or path == spec.rstrip("/")]
        return str(self._routes[max(found, key=len)]["target"]).rstrip("/") if found else None

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        target = self._target(request.path)
        if target is None or self._client is None:
            return web.Response(status=404, text="The hub has no route for this address.\n")
        url = URL(target + request.raw_path, encoded=True)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._join(self._client, request, url)
            return await self._answer(self._client, request, url)
        except aiohttp.ClientConnectionError:
            return web.Response(status=503, text="Nothing answers there.\n")

    async def _answer(self, client: aiohttp.ClientSession, request: web.BaseRequest, url: URL) -> web.StreamResponse:
        body = request.content if request.can_read_body else None
        async with client.request(
            request.method, url, headers=_onward(request), data=body, allow_redirects=False
        ) as theirs:
            headers = CIMultiDict(_kept(theirs.headers, _HOP_BY_HOP))
            ours = web.StreamResponse(status=theirs.status, reason=theirs.reason, headers=headers)
            await ours.prepare(request)
            async for chunk in theirs.content.iter_any():
                await ours.write(chunk)
            await ours.write_eof()
            return ours

    async def _join(self, client: aiohttp.ClientSession, request: web.BaseRequest, url: URL) -> web.StreamResponse:
        spoken = [word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if word.strip()]
        headers = CIMultiDict(_kept(_onward(request), _WEBSOCKET | {"sec-websocket-protocol"}))
        async with client.ws_connect(url, headers=headers, protocols=spoken, max_msg_size=0) as theirs:
            ours = web.WebSocketResponse(protocols=[theirs.protocol] if theirs.protocol else [], max_msg_size=0)
            await ours.prepare(request)
            halves = [asyncio.create_task(_carry(theirs, ours)), asyncio.create_task(_carry(ours, theirs))]
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for end in (theirs, ours):
                await end.close()
            await asyncio.wait(halves)
            return ours


def _kept(headers: Mapping[str, str], without: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in without]


def _onward(request: web.BaseRequest) -> CIMultiDict[str]:
    headers = CIMultiDict(_kept(request.headers, _HOP_BY_HOP))
    headers.update({"X-Forwarded-For": request.remote or "", "X-Forwarded-Proto": request.scheme})
    return headers


async def _carry(
    source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
    sink: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
) -> None:
    async for message in source:
        if sink.closed:
            return
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)

"""Dask's dashboards in a browser, each for the owner of the cluster alone.

Upstream's proxy leads whoever knows a cluster's name to its dashboard. Here the gateway asks the hub first who looks.
"""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlparse

import aiohttp
from aiohttp import web

from qhub_hub.dask.sign_in import SignIn

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS = frozenset({"cookie", "authorization", "host", "set-cookie", "content-length", "content-encoding"})
"""A cluster is a program of its owner's: it is shown no cookie, and sets none."""

_PLOTS = "individual-plots.json"
"""The names of a dashboard's plots, the same for every cluster: JupyterLab's Dask extension asks for them without a
cookie, from inside the person's server."""

_WITHIN = aiohttp.ClientTimeout(total=None, connect=10, sock_read=300)  # seconds


class Dashboards:
    """Leads a browser to the dashboard of a cluster.

    Args:
        sign_in: says who looks.
        backend: knows the clusters.
    """

    def __init__(self, sign_in: SignIn, backend: Any) -> None:
        self._sign_in = sign_in
        self._backend = backend
        self._session: aiohttp.ClientSession | None = None

    def routes(self, prefixes: Iterable[str]) -> list[web.RouteDef]:
        """Routes of dashboards and of the way back from the hub.

        Args:
            prefixes: below which they are; the bundled proxy takes its own away, the hub's leaves it.
        """
        found = []
        for prefix in prefixes:
            found.append(web.get(f"{prefix}/oauth_callback", self._sign_in.come_back))
            found.append(web.get(f"{prefix}/clusters/{{name}}/{{path:.*}}", self.show))
        return found

    async def close(self, app: web.Application) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def show(self, request: web.Request) -> web.StreamResponse:
        """A page, a script or the websocket of a dashboard."""
        cluster = await self._backend.get_cluster(request.match_info["name"])
        if request.match_info["path"] != _PLOTS:
            name = await self._sign_in.name_of(request)
            if not name:
                if "text/html" in request.headers.get("Accept", ""):
                    return self._sign_in.send_to_hub(request)
                raise web.HTTPForbidden(text="Sign in first: open the dashboard's page in a browser.")
            if cluster is not None and cluster.username != name:
                cluster = None  # one answer for both, so that nobody learns which clusters there are
        if cluster is None or not cluster.dashboard_address:
            raise web.HTTPNotFound(text="No such cluster of yours runs. It may have ended.")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_WITHIN, auto_decompress=False)
        return await _forward(self._session, request, cluster.dashboard_address)


async def _forward(session: aiohttp.ClientSession, request: web.Request, address: str) -> web.StreamResponse:
    parts = urlparse(address)
    path = request.match_info["path"]
    url = f"{parts.scheme}://{parts.netloc}/{path}{'?' + request.query_string if request.query_string else ''}"
    try:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _converse(session, request, url.replace("http", "ws", 1))
        return await _fetch(session, request, url)
    except (aiohttp.ClientError, TimeoutError):
        raise web.HTTPBadGateway(text="The dashboard of this cluster does not answer. It may have ended.") from None


async def _fetch(session: aiohttp.ClientSession, request: web.Request, url: str) -> web.StreamResponse:
    async with session.get(url, headers=_passed(request.headers, _OURS), allow_redirects=False) as answer:
        headers = _passed(answer.headers, _OURS - {"content-encoding", "content-length"})
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


def _passed(headers: Any, kept_back: frozenset[str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() not in _HOP_BY_HOP | kept_back}


async def _converse(session: aiohttp.ClientSession, request: web.Request, url: str) -> web.StreamResponse:
    # Bokeh puts its session into the list of protocols, and answers with the first.
    asked = [word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if word.strip()]
    async with session.ws_connect(url, protocols=asked, max_msg_size=0) as inner:
        outer = web.WebSocketResponse(protocols=[inner.protocol] if inner.protocol else [], max_msg_size=0)
        await outer.prepare(request)
        both = [asyncio.create_task(_pass_on(*pair)) for pair in ((outer, inner), (inner, outer))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        await outer.close()
        return outer


async def _pass_on(source: Any, target: Any) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)

"""Who looks at a page of the gateway: signed in through the hub, as to any of its services."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from qhub_hub.dask.hub_api import HubApi

COOKIE = "qhub-dask"
_STATE = "qhub-dask-state"
_ASKED_AGAIN = 60.0  # seconds after which the hub is asked whether a sign-in still holds
_MOST = 10_000  # people signed in
_PATIENCE = 600  # seconds between going to the hub and coming back


@dataclass
class _Session:
    name: str
    token: str
    asked: float


@dataclass(frozen=True, slots=True)
class Client:
    """The gateway as the hub's sign-in knows it.

    Args:
        id: of the service as an OAuth client.
        secret: the service's token.
        authorize: the hub's page, as a browser reaches it (`/hub/api/oauth2/authorize`).
        callback: where the browser comes back to (`/services/dask-gateway/oauth_callback`).
        access: scopes of which a sign-in must have one.
    """

    id: str
    secret: str
    authorize: str
    callback: str
    access: frozenset[str]


class SignIn:
    """Knows browsers by a cookie, and asks the hub about them every minute.

    Args:
        hub: whose people these are.
        client: the gateway at the hub.
    """

    def __init__(self, hub: HubApi, client: Client) -> None:
        self._hub = hub
        self._client = client
        self._base = client.callback.rpartition("/")[0]
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    async def name_of(self, request: web.Request) -> str:
        """Hub user name of whoever looks; empty: nobody that is signed in."""
        key = request.cookies.get(COOKIE, "")
        session = self._sessions.get(key)
        if session is None:
            return ""
        if time.monotonic() - session.asked > _ASKED_AGAIN:
            if await self._owner(session.token) != session.name:
                del self._sessions[key]
                return ""
            session.asked = time.monotonic()
        return session.name

    def send_to_hub(self, request: web.Request) -> web.Response:
        """Let the hub say who it is; the browser comes back to this page."""
        state = secrets.token_urlsafe(32)
        asked = urlencode(
            {
                "client_id": self._client.id,
                "redirect_uri": self._client.callback,
                "response_type": "code",
                "state": state,
            }
        )
        answer = web.Response(status=302, headers={"Location": f"{self._client.authorize}?{asked}"})
        # The bundled proxy has taken the first part of the path away, the hub's has not.
        page = request.path_qs if request.path.startswith(f"{self._base}/") else self._base + request.path_qs
        self._set(request, answer, f"{_STATE}-{state[:8]}", f"{state}:{page}", _PATIENCE)
        return answer

    async def come_back(self, request: web.Request) -> web.Response:
        """The browser brings the hub's answer: remember who it is, and send it to the page that it wanted."""
        state, code = request.query.get("state", ""), request.query.get("code", "")
        kept, _, page = request.cookies.get(f"{_STATE}-{state[:8]}", "").partition(":")
        # A page of somebody else's could send a browser here with their own answer.
        if not kept or not code or not secrets.compare_digest(kept.encode(), state.encode()):
            raise web.HTTPBadRequest(text="This sign-in was not begun here, or is too old. Open the page again.")
        token = await self._token_for(code)
        name = await self._owner(token)
        if not name:
            raise web.HTTPForbidden(text="You may not use Dask clusters. Ask an administrator.")
        key = secrets.token_urlsafe(32)
        self._sessions[key] = _Session(name, token, time.monotonic())
        if len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        # Only paths below our own: they come from a cookie.
        answer = web.Response(status=302, headers={"Location": page if page.startswith(f"{self._base}/") else "/"})
        self._set(request, answer, COOKIE, key, None)
        answer.del_cookie(f"{_STATE}-{state[:8]}", path=self._base)
        return answer

    def _set(self, request: web.Request, answer: web.Response, name: str, value: str, lasts: int | None) -> None:
        secure = request.headers.get("X-Forwarded-Proto", request.scheme).split(",")[0].strip() == "https"
        answer.set_cookie(name, value, path=self._base, httponly=True, samesite="Lax", secure=secure, max_age=lasts)

    async def _token_for(self, code: str) -> str:
        form = {
            "client_id": self._client.id,
            "client_secret": self._client.secret,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.callback,
        }
        found = await self._ask("POST", "/oauth2/token", data=form)
        return str(found.get("access_token", ""))

    async def _owner(self, token: str) -> str:
        """Whose token it is; empty: nobody's, or it may not be used here."""
        if not token:
            return ""
        found = await self._ask("GET", "/user", headers={"Authorization": f"token {token}"})
        if found.get("kind") != "user" or self._client.access.isdisjoint(found.get("scopes", ())):
            return ""
        return str(found.get("name", ""))

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
                session.request(method, self._hub.url + path, **request) as answer,
            ):
                found = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise web.HTTPBadGateway(text="The hub can't be asked who you are now. Try again in a minute.") from None
        return found if answer.status == 200 and isinstance(found, dict) else {}

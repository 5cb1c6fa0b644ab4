"""Nobody reaches anything of conda-store without being signed in: by default it answers strangers, too, with packages,
channels, metrics, its pages, and by solving for them."""

from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from qhub_hub.conda_store.rights import HubAway

_OPEN = ("login/", "oauth_callback/", "favicon.ico")
_READING = ("GET", "HEAD", "OPTIONS")


class KnowsPeople(Protocol):
    """See `HubAuthentication.person`."""

    async def person(self, request: Request) -> Any:
        """Whoever sends a request."""


def guarded(app: Any, people: KnowsPeople, prefix: str) -> Any:
    """The application with the guard before everything else.

    Args:
        prefix: path below which it answers.
    """
    app.add_middleware(Guard, people=people, prefix=prefix)
    return app


class Guard:
    """Lets through who is signed in; ASGI middleware.

    Args:
        app: what is guarded.
        people: says who sends a request.
        prefix: path below which it answers.
    """

    def __init__(self, app: Any, people: KnowsPeople, prefix: str) -> None:
        self._app = app
        self._people = people
        self._prefix = prefix
        self._open = frozenset(f"{prefix}/{path}" for path in _OPEN)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        # The first of them is what the browser speaks; uvicorn reads no list, and pages would name http addresses.
        scheme = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip()
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
            request = Request(scope)
        answer = await self._refusal(request)
        await (answer or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        path = request.scope["path"]  # by which it is routed; an address would hold what the Host header says, too
        if path in self._open or path.startswith(f"{self._prefix}/static/"):
            request.state.entity = None
            return None
        try:
            request.state.entity = await self._people.person(request)
        except HubAway:
            return _say(503, "The hub can't be asked now what you may do. Try again in a minute.")
        if request.state.entity is None:
            if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
                return RedirectResponse(f"{self._prefix}/login/?next={quote(path)}", 302)
            return _say(401, f"Sign in first: open {self._prefix}/ in a browser, or send a token of yours.")
        if request.method not in _READING and not _from_here(request):
            return _say(403, "This came from a page of another site.")
        return None


def _from_here(request: Request) -> bool:
    # Browsers send a cookie along with requests of pages that differ in the port only.
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")


def _say(status: int, sentence: str) -> Response:
    return JSONResponse({"status": "error", "message": sentence}, status)

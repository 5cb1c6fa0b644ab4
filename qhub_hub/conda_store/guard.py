"""Nobody reaches anything of conda-store without being signed in: by default it answers strangers, too, with packages,
channels, metrics, its pages, and by solving for them."""

from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from qhub_hub.conda_store.names import PREFIX
from qhub_hub.conda_store.rights import HubAway

_OPEN = frozenset(f"{PREFIX}/{path}" for path in ("login/", "oauth_callback/", "favicon.ico"))
_STATIC = f"{PREFIX}/static/"
_READING = ("GET", "HEAD", "OPTIONS")


class KnowsPeople(Protocol):
    """See `HubAuthentication.person`."""

    async def person(self, request: Request) -> Any:
        """Whoever sends a request."""


def guarded(app: Any, people: KnowsPeople) -> Any:
    """The application with the guard before everything else."""
    app.add_middleware(Guard, people=people)
    return app


class Guard:
    """Lets through who is signed in; ASGI middleware.

    Args:
        app: what is guarded.
        people: says who sends a request.
    """

    def __init__(self, app: Any, people: KnowsPeople) -> None:
        self._app = app
        self._people = people

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer = await self._refusal(request)
        await (answer or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if path in _OPEN or path.startswith(_STATIC):
            request.state.entity = None
            return None
        try:
            request.state.entity = await self._people.person(request)
        except HubAway:
            return _say(503, "The hub can't be asked now what you may do. Try again in a minute.")
        if request.state.entity is None:
            if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
                return RedirectResponse(f"{PREFIX}/login/?next={quote(path)}", 302)
            return _say(401, f"Sign in first: open {PREFIX}/ in a browser, or send a token of yours.")
        if request.method not in _READING and not _from_here(request):
            return _say(403, "This came from a page of another site.")
        return None


def _from_here(request: Request) -> bool:
    # Browsers send a cookie along with requests of pages that differ in the port only.
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")


def _say(status: int, sentence: str) -> Response:
    return JSONResponse({"status": "error", "message": sentence}, status)

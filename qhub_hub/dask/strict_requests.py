"""Requests that would be an error of the server to the gateway's own handlers (2026.3.0): refused before."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_COUNTS = ("count", "minimum", "maximum")
_LARGEST = 64 * 1024  # bytes of a request with options


@web.middleware
async def strict_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass whose body is a JSON object with sensible counts; errors nobody foresaw become a sentence."""
    try:
        if (
            request.method in ("POST", "PUT")
            and request.path.startswith("/api/")
            and (problem := await _problem(request))
        ):
            return _refusal(400, problem)
        return await handler(request)
    except (web.HTTPException, ConnectionError):
        raise  # an answer, or nobody that could be answered
    except Exception:
        request.app["log"].exception("Error while answering %s %s", request.method, request.path)
        return _refusal(500, "An error inside the gateway. Tell an administrator.")


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


async def _problem(request: web.Request) -> str:
    """What is wrong with a body, as a sentence; empty: nothing."""
    heartbeat = request.path.endswith("/heartbeat")
    if not heartbeat and (request.content_length or 0) > _LARGEST:
        return f"The request has {request.content_length} bytes; at most {_LARGEST} are read."
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return "The body of the request must be JSON."
    if not isinstance(body, dict):
        return "The body of the request must be a JSON object."
    for name in _COUNTS if not heartbeat else ():
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            return f"{name} must be a whole number, 0 or more."
    return ""

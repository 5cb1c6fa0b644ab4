"""Requests that outlast a bad minute of the Kubernetes API, and its refusals in people's words."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from aiohttp import ClientError
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.client.rest import RESTResponse

from qhub_hub.sessions import Rejected

T = TypeVar("T")

UNREACHABLE = (ClientError, TimeoutError, OSError)
"""What a request raises when there was no answer."""

PASSING = (408, 429, 500, 502, 503, 504)  # statuses after which the same request may well succeed
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0  # seconds


async def answered(request: Callable[..., Awaitable[Any]]) -> bytes:
    """Make a request, and return the body of its answer as it came.

    kubernetes_asyncio (36.1) makes some eighty objects of a pod, which takes longer than all else of a start.

    Args:
        request: a method of the client, less the argument that says so.

    Raises:
        ApiException: a refusal, as the client itself raises it.
    """
    answer = await request(_preload_content=False)
    body: bytes = await answer.read()
    if not 200 <= answer.status <= 299:
        raise ApiException(http_resp=cast(Any, RESTResponse(answer, body)))
    return body


async def persistently(request: Callable[[], Awaitable[T]], *, each: float, within: float) -> T:
    """Ask until the API answers.

    It waits as long as the API asks for (`Retry-After`), else a little longer each time.

    Args:
        request: makes the request; must be harmless to repeat.
        each: seconds for one answer.
        within: seconds after which the last failure is raised.

    Raises:
        ApiException: a refusal that asking again won't change, or the last failure.
        ClientError, TimeoutError, OSError: no answer to the last request.
    """
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + within, _FIRST_PAUSE
    while True:
        asked_for = 0.0
        try:
            async with asyncio.timeout(each):
                return await request()
        except ApiException as error:
            asked_for = _retry_after(error)
            if error.status not in PASSING or loop.time() + max(asked_for, pause) > end:
                raise
        except UNREACHABLE:
            if loop.time() + pause > end:
                raise
        await asyncio.sleep(max(asked_for, pause))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _retry_after(error: ApiException) -> float:
    stated = str(dict(error.headers or ()).get("Retry-After", ""))
    return float(stated) if stated.isdecimal() else 0.0


def failure(message: str, *, reason: str, status: int) -> SpawnException:
    """A start that fails, in the hub's own words.

    Args:
        message: a sentence for the server's owner.
        reason: label of the spawn metric.
        status: of HTTP.
    """
    error = SpawnException(message, reason=reason, status_code=status)
    # Without it pages show "503 SpawnException(reason=…): …" (JupyterHub 6.1, `format_exception`).
    error.jupyterhub_message = message
    return error


def told(error: Exception) -> SpawnException:
    """What a failed request means for the person whose server it was to be. The text of the API stays in the log."""
    ask = "Ask an administrator, who finds the reason in the log."
    if not isinstance(error, ApiException) or error.status in PASSING:
        text = "The cluster does not answer at the moment. Try again in a minute."
        return failure(text, reason="unavailable", status=Rejected("unavailable", text).status)
    said = _message(error)
    if error.status == 403 and "exceeded quota" in said:
        requested = re.search(r"requested: (\S+?),? used:", said)
        used_up = _named(requested[1].split(",") if requested else [])
        text = f"The cluster has nothing left of what it set aside for servers{used_up}."
        return failure(f"{text} Choose a smaller size, or try again later.", reason="quota", status=503)
    if error.status == 403 and re.search(r'cannot \w+ resource "', said):
        return failure(f"The hub may not start servers in this cluster. {ask}", reason="permission", status=500)
    if error.status in (400, 403) or "admission webhook" in said:
        return failure(f"A rule of the cluster refuses this server. {ask}", reason="admission", status=403)
    return failure(f"The cluster can't make sense of this server. {ask}", reason="invalid", status=500)


def _message(error: ApiException) -> str:
    try:
        status = json.loads(error.body or "{}")
    except ValueError:
        return ""
    return str(status.get("message") or "") if isinstance(status, dict) else ""


_WORDS = {"cpu": "cores", "memory": "memory", "pods": "number of servers"}


def _named(requested: list[str]) -> str:
    """` (cores, memory)` from `requests.cpu=2,limits.memory=2Gi`; the amounts are the cluster's own business."""
    kinds = {part.partition("=")[0].rpartition("requests.")[2].rpartition("limits.")[2] for part in requested}
    words = sorted(_WORDS.get(kind, "accelerators") for kind in kinds)
    return f" ({', '.join(words)})" if words else ""

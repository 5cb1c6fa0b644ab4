import asyncio
import json

import pytest
from aiohttp import ClientConnectionError
from kubernetes_asyncio.client import ApiException

from qhub_hub.hub.kube_api import persistently, told


def answer(status: int, message: str = "", **headers: str) -> ApiException:
    error = ApiException(status=status)
    error.body = json.dumps({"kind": "Status", "message": message})
    error.headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return error


QUOTA = (
    'pods "jupyter-ann" is forbidden: exceeded quota: team-7, requested: limits.memory=2Gi,requests.cpu=1,'
    "requests.nvidia.com/gpu=1, used: limits.memory=7Gi,requests.cpu=9, limited: limits.memory=8Gi,requests.cpu=9"
)
REFUSALS = {
    "quota": (answer(403, QUOTA), "quota", 503, "(accelerators, cores, memory)"),
    "pod security": (answer(403, 'violates PodSecurity "restricted:latest"'), "admission", 403, "rule of the cluster"),
    "webhook": (answer(400, 'admission webhook "x.y" denied the request: no'), "admission", 403, "rule"),
    "rights": (answer(403, 'User "hub" cannot create resource "pods" in'), "permission", 500, "may not start"),
    "invalid": (answer(422, 'Pod "x" is invalid: spec.containers[0].image'), "invalid", 500, "can't make sense"),
    "broken": (answer(500, "etcdserver: request timed out"), "unavailable", 503, "does not answer"),
    "throttled": (answer(429, "too many requests"), "unavailable", 503, "does not answer"),
    "no connection": (ClientConnectionError("10.0.0.1:443"), "unavailable", 503, "does not answer"),
    "no json": (ApiException(status=422, reason="?"), "invalid", 500, "can't make sense"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_a_sentence_with_a_status(case: str) -> None:
    error, reason, status, words = REFUSALS[case]
    said = told(error)
    assert (said.reason, said.status_code) == (reason, status)
    assert words in said.jupyterhub_message
    assert said.jupyterhub_message.endswith(".")
    for secret in ("team-7", "7Gi", "10.0.0.1", "jupyter-ann", "etcd", "webhook", "PodSecurity"):
        assert secret not in said.jupyterhub_message


def failing(*errors: Exception):
    remaining = list(errors)
    asked: list[float] = []

    async def request() -> str:
        asked.append(asyncio.get_running_loop().time())
        if remaining:
            raise remaining.pop(0)
        return "done"

    return request, asked


@pytest.mark.parametrize(
    "error",
    [answer(500), answer(503), answer(429), ClientConnectionError(), TimeoutError(), ConnectionResetError()],
    ids=["500", "503", "429", "no connection", "no answer", "reset"],
)
async def test_a_bad_moment_is_waited_out(error: Exception) -> None:
    request, asked = failing(error)
    assert await persistently(request, each=1, within=5) == "done"
    assert len(asked) == 2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
async def test_a_refusal_is_not_repeated(status: int) -> None:
    request, asked = failing(answer(status))
    with pytest.raises(ApiException):
        await persistently(request, each=1, within=5)
    assert len(asked) == 1


async def test_it_waits_as_long_as_it_is_asked_to() -> None:
    request, asked = failing(answer(429, Retry_After="1"))
    assert await persistently(request, each=1, within=5) == "done"
    assert asked[1] - asked[0] >= 1


async def test_it_gives_up_rather_than_wait_longer_than_it_may() -> None:
    request, asked = failing(answer(429, Retry_After="60"))
    with pytest.raises(ApiException):
        await persistently(request, each=1, within=1)
    assert len(asked) == 1


async def test_a_request_without_an_answer_is_made_again() -> None:
    tries = []

    async def request() -> str:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.Event().wait()
        return "done"

    assert await persistently(request, each=0.05, within=5) == "done"

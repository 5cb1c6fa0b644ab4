"""What clients meet when the API server is told to break, seen with the client that hubs use."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from qhub_hub.testing.kube import ApiError, Call, FakeKube, Kind, Review

PODS = "/api/v1/namespaces/default/pods"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}


@pytest.fixture
async def http(fake_kube: FakeKube) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(fake_kube.url) as session:
        yield session


async def status(http: aiohttp.ClientSession, path: str = PODS) -> int:
    async with http.get(path) as answer:
        return answer.status


async def test_errors_come_as_often_as_asked_and_then_end(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    fault = fake_kube.faults.api_errors(500, times=3)
    assert [await status(http) for _ in range(5)] == [500, 500, 500, 200, 200]
    assert fault.struck == 3
    assert not fault.active


async def test_a_fault_strikes_only_the_requests_it_is_about(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    with fake_kube.faults.api_errors(503, on="list secrets"):
        assert await status(http) == 200
        assert await status(http, "/api/v1/secrets") == 503
    assert await status(http, "/api/v1/secrets") == 200


async def test_who_asks_too_often_is_told_when_to_come_back(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    with fake_kube.faults.throttled(429, retry_after=7):
        async with http.get(PODS) as answer:
            body = await answer.json()
            assert (answer.status, answer.headers["Retry-After"], body["reason"]) == (429, "7", "TooManyRequests")


async def test_a_slow_api_answers_late(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    begun = time.monotonic()
    with fake_kube.faults.latency(0.1):
        assert await status(http) == 200
    assert time.monotonic() - begun >= 0.1


async def test_an_unreachable_api_answers_nothing_and_comes_back(
    fake_kube: FakeKube, http: aiohttp.ClientSession
) -> None:
    async with http.get(PODS, params={"watch": "1"}) as watch:
        with fake_kube.faults.unreachable():
            with pytest.raises(aiohttp.ClientError):
                await watch.content.readline()
            with pytest.raises(aiohttp.ClientError):
                await status(http)
    assert await status(http) == 200


async def test_dropped_watches_cannot_be_opened_for_a_while(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    async with http.get(PODS, params={"watch": "1"}) as watch:
        fault = fake_kube.faults.watch_dropped(0.05)
        with pytest.raises(aiohttp.ClientError):
            await watch.content.readline()
    assert await status(http) == 200
    with pytest.raises(aiohttp.ClientError):
        await status(http, f"{PODS}?watch=1&timeoutSeconds=1")
    while fault.active:  # noqa: ASYNC110 - a timer of the loop ends it
        await asyncio.sleep(0.01)
    assert await status(http, f"{PODS}?watch=1&timeoutSeconds=0.1") == 200


async def test_a_lost_history_ends_watches_and_old_versions_with_410(
    fake_kube: FakeKube, http: aiohttp.ClientSession
) -> None:
    fake_kube.create(CONFIG_MAP)

    async def first_event(version: str) -> Any:
        async with http.get("/api/v1/configmaps", params={"watch": "1", "resourceVersion": version}) as watch:
            return json.loads(await watch.content.readline())

    async with http.get(PODS, params={"watch": "1"}) as watch:
        fake_kube.faults.gone()
        for event in (json.loads(await watch.content.readline()), await first_event("1")):
            assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
        assert await watch.content.readline() == b""
    async with http.get("/api/v1/configmaps") as answer:
        version = (await answer.json())["metadata"]["resourceVersion"]
    fake_kube.create({**CONFIG_MAP, "metadata": {"name": "two"}})
    assert (await first_event(version))["type"] == "ADDED"


async def test_a_rule_of_the_test_refuses_and_changes(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    def rule(review: Review) -> str | None:
        review.object["metadata"].setdefault("labels", {})["seen"] = review.operation
        return "not on Fridays" if review.name == "friday" else None

    fake_kube.admission.append(rule)
    body = {**CONFIG_MAP, "metadata": {"name": "friday"}}
    async with http.post("/api/v1/namespaces/default/configmaps", json=body) as answer:
        assert answer.status == 403
        assert (await answer.json())["message"] == 'configmaps "friday" is forbidden: not on Fridays'
    assert fake_kube.create(CONFIG_MAP)["metadata"]["labels"] == {"seen": "CREATE"}


async def test_requests_are_remembered_as_verbs(fake_kube: FakeKube, http: aiohttp.ClientSession) -> None:
    await status(http)
    await status(http, f"{PODS}/one")
    assert fake_kube.calls == [Call("list", "pods", "default"), Call("get", "pods", "default", "one")]


async def test_another_kind_of_object_is_served_like_a_custom_resource(
    fake_kube: FakeKube, http: aiohttp.ClientSession
) -> None:
    path = "/apis/gateway.dask.org/v1alpha1/namespaces/default/daskclusters"
    assert await status(http, path) == 404
    fake_kube.serve(Kind("gateway.dask.org", "v1alpha1", "daskclusters", "DaskCluster"))
    async with http.post(path, json={"metadata": {"name": "one"}, "spec": {"workers": 2}}) as answer:
        assert (answer.status, (await answer.json())["kind"]) == (201, "DaskCluster")
    assert fake_kube.get("daskclusters", "one") is not None


async def test_what_the_test_gets_is_a_copy(fake_kube: FakeKube) -> None:
    fake_kube.create(CONFIG_MAP)["metadata"]["name"] = "changed"
    found = fake_kube.get("configmaps", "one")
    assert found is not None
    found["metadata"]["name"] = "changed"
    assert fake_kube.get("configmaps", "one") == fake_kube.objects("configmaps", "default")[-1]
    with pytest.raises(ApiError, match="already exists"):
        fake_kube.create(CONFIG_MAP)

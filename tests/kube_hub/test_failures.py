"""What breaks between a request and a server: the right sentence and status, no pod left behind, no server lost."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from qhub_hub.hub import kube_pods

FORBIDDEN = ("Traceback", "127.", "node-0", "registry.example", "preemption", "jupyter-", "uid", "default/")


def assert_a_sentence(answer: Any, status: int, words: str) -> None:
    message = answer.json()["message"]
    assert answer.status_code == status, message
    assert words in message
    assert message.endswith(".")
    assert not [part for part in FORBIDDEN if part in message]


async def assert_nothing_is_left(hub: Any, fake_kube: Any) -> None:
    await hub.until(lambda: asyncio.sleep(0, not fake_kube.pods()))
    assert await hub.server("ann") == {}


POD_FAULTS: dict[str, tuple[Callable[[Any], Any], int, str]] = {
    "no such image": (lambda faults: faults.image_pull_error(message="manifest unknown"), 500, "image of this card"),
    "crash": (lambda faults: faults.crash_loop(code=3), 500, "exit code 3"),
    "out of memory": (
        lambda faults: faults.crash_loop(code=137, reason="OOMKilled"),
        500,
        "more than its memory (2 GiB)",
    ),
    "no room": (lambda faults: faults.unschedulable(), 503, "No node of group user is free."),
    "no node in time": (lambda faults: faults.unschedulable(scale_up=True), 503, "user is free; one is being started."),
    "no claim": (
        lambda faults: faults.unschedulable(message='persistentvolumeclaim "qhub-share" not found'),
        503,
        "volume with your files",
    ),
    "registry away": (lambda faults: faults.image_pull_error(message="i/o timeout"), 503, "at the moment"),
    "too slow": (lambda faults: faults.slow_start(30), 503, "given up after 2 s"),
}


@pytest.mark.parametrize("case", POD_FAULTS)
async def test_a_pod_that_does_not_come_up_is_explained_and_removed(kube_hub: Any, fake_kube: Any, case: str) -> None:
    hub = await kube_hub(KubeSpawner={"start_timeout": 2})
    breaks, status, words = POD_FAULTS[case]
    breaks(fake_kube.pod_faults)
    assert_a_sentence(await hub.start_server("ann"), status, words)
    await assert_nothing_is_left(hub, fake_kube)


def refuse(fake_kube: Any, sentence: str) -> None:
    fake_kube.admission.append(lambda review: sentence if review.kind.plural == "pods" else None)


REFUSALS: dict[str, tuple[Callable[[Any], Any], int, str]] = {
    "servers": (lambda kube: kube.limit({"pods": 0}), 503, "nothing left of what it set aside for servers (number"),
    "memory": (lambda kube: kube.limit({"limits.memory": "1Gi"}), 503, "(memory)"),
    "webhook": (
        lambda kube: refuse(kube, 'admission webhook "x" denied the request: node-0'),
        403,
        "A rule of the cluster",
    ),
    "rights": (
        lambda kube: refuse(kube, 'User "hub" cannot create resource "pods" in API group'),
        500,
        "may not start",
    ),
    "invalid": (lambda kube: kube.faults.api_errors(422, on="create pods"), 500, "can't make sense"),
    "broken": (lambda kube: kube.faults.api_errors(500, on="create pods"), 503, "does not answer at the moment"),
    "throttled": (lambda kube: kube.faults.throttled(on="create pods"), 503, "does not answer at the moment"),
    "away": (lambda kube: kube.faults.unreachable("* pods"), 503, "does not answer at the moment"),
    "silent": (lambda kube: kube.faults.latency(30, on="create pods"), 503, "does not answer at the moment"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refused_pod_is_explained_and_there_is_none(kube_hub: Any, fake_kube: Any, case: str) -> None:
    hub = await kube_hub(KubeSpawner={"k8s_api_request_timeout": 1, "k8s_api_request_retry_timeout": 1})
    breaks, status, words = REFUSALS[case]
    breaks(fake_kube)
    assert_a_sentence(await hub.start_server("ann"), status, words)
    fake_kube.faults.clear()
    fake_kube.admission.clear()
    if fake_kube.get("resourcequotas", "quota"):
        fake_kube.delete("resourcequotas", "quota")
    await assert_nothing_is_left(hub, fake_kube)
    assert (await hub.start_server("ann")).status_code == 201


PASSING: dict[str, Callable[[Any], Any]] = {
    "500": lambda kube: kube.faults.api_errors(500, times=2),
    "503 while pods are listed": lambda kube: kube.faults.api_errors(503, times=2, on="list *"),
    "429": lambda kube: kube.faults.throttled(times=2, on="create pods"),
    "no answer": lambda kube: kube.faults.latency(30, times=1, on="create pods"),
    "410": lambda kube: kube.faults.gone(),
}


@pytest.mark.parametrize("case", PASSING)
async def test_a_bad_moment_of_the_api_costs_time_only(kube_hub: Any, fake_kube: Any, case: str) -> None:
    hub = await kube_hub(KubeSpawner={"k8s_api_request_timeout": 1})
    PASSING[case](fake_kube)
    answer = await hub.start_server("ann")
    assert answer.status_code == 201, answer.text
    PASSING[case](fake_kube)
    await hub.stop_server("ann")
    assert fake_kube.pods() == []


async def test_servers_start_and_stop_while_the_watch_is_away(
    hub: Any, fake_kube: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_pods, "_LOOK_AGAIN", 0.2)
    await hub.start_server("bob")
    with fake_kube.faults.unreachable("watch *"):
        assert (await hub.start_server("ann")).status_code == 201
        assert (await hub.stop_server("ann")).status_code == 204
    assert [pod["metadata"]["name"] for pod in fake_kube.pods()] == ["jupyter-bob"]


async def test_a_running_server_is_not_forgotten_while_the_api_is_away(hub: Any, fake_kube: Any) -> None:
    await hub.start_server("ann")
    (before,) = fake_kube.pods()
    spawner = next(user for user in hub.app.users.values() if user.name == "ann").spawner
    with fake_kube.faults.unreachable():
        await spawner.pod_reflector.stop()  # as after a minute without the API
        assert await spawner.poll() is None
    assert await spawner.poll() is None
    assert (await hub.server("ann"))["ready"]
    assert fake_kube.pods()[0]["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_answer_that_got_lost_makes_no_second_pod(kube_hub: Any, fake_kube: Any, created: Any) -> None:
    def lose_the_answer(spawner: Any, pod: Any) -> Any:
        create = spawner.api.create_namespaced_pod

        async def created_but_untold(*args: Any, **options: Any) -> Any:
            answer = await create(*args, **options)
            if len(created()) == 1 and answer.status == 201:
                raise ConnectionResetError
            return answer

        spawner.api.create_namespaced_pod = created_but_untold
        return pod

    hub = await kube_hub(KubeSpawner={"modify_pod_hook": lose_the_answer})
    assert (await hub.start_server("ann")).status_code == 201
    assert len(created()) == 1


async def test_a_pod_of_that_name_that_was_left_behind_makes_way(hub: Any, fake_kube: Any) -> None:
    old = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "jupyter-ann", "labels": {"component": "singleuser-server"}},
        "spec": {"containers": [{"name": "notebook", "image": "old:1"}]},
    }
    fake_kube.create(old)
    assert (await hub.start_server("ann")).status_code == 201
    (pod,) = fake_kube.pods()
    assert pod["spec"]["containers"][0]["image"] == "registry.example/lab:1"


async def test_a_pod_that_somebody_deletes_while_it_starts_ends_the_wait(
    hub: Any, fake_kube: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_kube.pod_faults.slow_start(30)
    monkeypatch.setattr(kube_pods, "_LOOK_AGAIN", 0.2)
    started = asyncio.create_task(hub.start_server("ann"))
    await fake_kube.until(fake_kube.pods)
    fake_kube.delete("pods", "jupyter-ann", grace=0)
    assert_a_sentence(await started, 503, "was removed while it was starting")


async def test_a_hook_that_fails_leaves_no_pod(kube_hub: Any, fake_kube: Any) -> None:
    async def broken(spawner: Any, pod: Any) -> None:
        raise RuntimeError("the site's own")

    hub = await kube_hub(KubeSpawner={"after_pod_created_hook": broken})
    assert (await hub.start_server("ann")).status_code == 500
    await assert_nothing_is_left(hub, fake_kube)


async def test_a_pod_that_could_not_be_deleted_is_deleted_later(
    kube_hub: Any, fake_kube: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_pods, "_ORPHANS_EVERY", 0.1)
    hub = await kube_hub(KubeSpawner={"k8s_api_request_retry_timeout": 1})
    await hub.start_server("ann")
    await hub.start_server("bob")
    with fake_kube.faults.api_errors(503, on="delete pods"):
        await hub.api("DELETE", "/users/ann/server")
        await hub.until(lambda: asyncio.sleep(0, len(fake_kube.pods()) == 2))
    await fake_kube.until(lambda: [pod["metadata"]["name"] for pod in fake_kube.pods()] == ["jupyter-bob"])
    assert (await hub.server("bob"))["ready"]


async def test_pods_of_another_hub_are_left_alone(hub: Any, fake_kube: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_pods, "_ORPHANS_EVERY", 0.05)
    other = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "jupyter-zoe",
            "labels": {"component": "singleuser-server"},
            "annotations": {"qhub/hub": "http://another:8081/hub/api"},
        },
        "spec": {"containers": [{"name": "notebook", "image": "x:1"}]},
    }
    fake_kube.create(other)
    await hub.start_server("ann")
    await asyncio.sleep(0.3)  # several looks
    assert fake_kube.get("pods", "jupyter-zoe")


async def test_the_page_that_waits_is_told_in_sentences(hub: Any, fake_kube: Any) -> None:
    fault = fake_kube.pod_faults.unschedulable(scale_up=True)
    started = asyncio.create_task(hub.start_server("ann"))
    await fake_kube.until(fake_kube.pods)
    said = []
    async with hub.http.stream("GET", "/users/ann/server/progress") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:"):
                said.append(json.loads(line[5:]))
            if "one is being started" in line:
                fault.lift()
    assert "No node of group user is free; one is being started." in [event["message"] for event in said]
    assert said[-1]["ready"]
    percents = [event["progress"] for event in said]
    assert percents == sorted(percents)
    for event in said:
        assert "raw_event" not in event
        assert not [part for part in FORBIDDEN if part in event["message"]]
    await started


async def test_a_server_that_ends_by_itself_is_noticed_and_its_pod_removed(kube_hub: Any, fake_kube: Any) -> None:
    hub = await kube_hub(KubeSpawner={"poll_interval": 1})
    await hub.start_server("ann")
    fake_kube.kubelet.containers["jupyter-ann"].exit(0)
    await assert_nothing_is_left(hub, fake_kube)

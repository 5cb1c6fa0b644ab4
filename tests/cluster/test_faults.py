"""Pods that die, and what people notice of it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import kubectl, until
from tests.cluster.release import Release, typed

LATE = "qhub-e2e/late"

VALUES = f"""
qhub:
  signIn: {{allow: everyone}}
  nodeGroups:
    late: {{labels: {{{LATE}: "yes"}}}}
  profiles:
    small: {{displayName: Small, cpu: {{guarantee: 0.05, limit: 2}}, memory: {{guarantee: "128Mi", limit: "2Gi"}}}}
    late:
      displayName: Late
      order: 40
      nodeGroup: late
      cpu: {{guarantee: 0.05, limit: 2}}
      memory: {{guarantee: "128Mi", limit: "2Gi"}}
    medium: null
    share: null
"""


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A release whose pods these tests delete."""
    return new_release().install(VALUES)


@pytest.fixture
def ann(release: Release) -> Iterator[Person]:
    """Somebody whose server runs."""
    person = release.ready().started("ann", profile="small")
    person.open_server()
    yield person
    release.ready()
    release.leave(person)


@pytest.fixture
def sign_in_here(release: Release) -> Iterator[Callable[[str], Person]]:
    """Sign somebody in; their server is stopped when the test is over."""
    people: list[Person] = []

    def signed_in(name: str) -> Person:
        people.append(release.ready().person(name))
        return people[-1]

    yield signed_in
    release.ready()
    for person in people:
        release.leave(person)


def uid(release: Release, name: str) -> str:
    """Which pod somebody's server is."""
    found: str = (release.server_pod(name) or {})["metadata"]["uid"]
    return found


def answers(person: Person) -> bool:
    """Whether somebody's server answers."""
    try:
        return person.http.get(f"{person.prefix()}api/status", follow_redirects=False).status_code == 200
    except httpx.TransportError:
        return False


def signed_in(person: Person) -> bool:
    """Whether the hub still knows somebody by their cookie."""
    return person.http.get("/hub/home", follow_redirects=False).status_code == 200


def delete(release: Release, component: str) -> None:
    """Kill the pod of a part, as a node that goes down does."""
    release.kubectl("delete", "pod", f"--selector=component={component}", "--grace-period=0", "--force", "--wait=true")


def test_servers_and_sign_ins_outlive_the_hubs_pod(
    release: Release, ann: Person, figure: Callable[[str, float], None]
) -> None:
    hub, server, model = release.uid("hub"), uid(release, "ann"), ann.server()
    typed(ann, "echo before > ~/note")
    release.kubectl("scale", "deployment/hub", "--replicas=0")
    until("the hub is gone", lambda: not release.objects("pods", "component=hub"))
    assert answers(ann), "a server needs the hub to go on"
    began = time.monotonic()
    release.kubectl("scale", "deployment/hub", "--replicas=1")
    release.ready()
    figure("no hub → a hub that answers", began)
    assert release.uid("hub") != hub
    assert signed_in(ann)
    until("the hub knows the server", lambda: ann.server().get("ready"))
    assert ann.server()["started"] == model["started"]
    assert uid(release, "ann") == server
    assert typed(ann, "cat ~/note") == "before"


def test_a_hub_killed_in_the_middle_of_a_start_leaves_one_pod(
    release: Release, sign_in_here: Callable[[str], Person]
) -> None:
    bob = sign_in_here("bob")
    assert bob.api("POST", "/users/bob/server", {"profile": "late"}).status_code == 202
    pod = until("the pod is there, and waits for a node", lambda: release.server_pod("bob"))
    delete(release, "hub")
    release.ready()
    nodes = [node["metadata"]["name"] for node in release.objects("nodes")]
    kubectl("label", "--overwrite", "node", *nodes[:1], f"{LATE}=yes")
    try:
        until("the server is ready", lambda: bob.server().get("ready"))
        assert uid(release, "bob") == pod["metadata"]["uid"]
        assert typed(bob, "whoami") == "bob"
    finally:
        kubectl("label", "node", *nodes[:1], f"{LATE}-")
    bob.stop()
    until("no pod is left", lambda: release.server_pod("bob") is None)


@pytest.fixture
def waiting(release: Release, sign_in_here: Callable[[str], Person]) -> Iterator[Person]:
    """Somebody whose server waited for a node when the hub was killed, and still does."""
    carl = sign_in_here("carl")
    assert carl.api("POST", "/users/carl/server", {"profile": "late"}).status_code == 202
    until("the pod is there", lambda: release.server_pod("carl"))
    delete(release, "hub")
    release.ready()
    yield carl
    release.kubectl("delete", "pod", "--selector=hub.jupyter.org/username=carl", "--grace-period=0", "--force")
    until("the hub has given it up", lambda: not carl.server())


def test_a_start_that_outlived_its_hub_is_not_begun_twice(release: Release, waiting: Person) -> None:
    again = waiting.api("POST", "/users/carl/server", {"profile": "late"})
    assert again.status_code in (202, 400), again.text
    assert len(release.objects("pods", "hub.jupyter.org/username=carl")) <= 1


def test_a_start_that_outlived_its_hub_is_given_up_and_can_be_begun_anew(release: Release, waiting: Person) -> None:
    # JupyterHub lets nobody stop a server while it looks whether that is still there.
    until("no pod is left", lambda: release.server_pod("carl") is None)
    until("nothing is pending", lambda: not waiting.server())
    assert waiting.api("POST", "/users/carl/server", {"profile": "late"}).status_code == 202
    until("the pod is there", lambda: release.server_pod("carl"))
    assert waiting.api("DELETE", "/users/carl/server").status_code in (202, 204)


def test_routes_come_back_with_a_new_proxy(release: Release, ann: Person, figure: Callable[[str, float], None]) -> None:
    server = uid(release, "ann")
    release.kubectl("delete", "pod", "--selector=component=proxy", "--wait=true")
    began = time.monotonic()
    release.kubectl("rollout", "status", "deployment/proxy", "--timeout=120s")
    figure("proxy deleted → the new one is ready", began)
    release.reopen()
    until("the server can be reached again", lambda: answers(ann))
    figure("proxy deleted → people reach their servers again", began)
    assert signed_in(ann)
    assert uid(release, "ann") == server


def test_without_the_storage_service_servers_go_on_and_a_start_says_why_it_fails(
    release: Release, ann: Person, sign_in_here: Callable[[str], Person]
) -> None:
    release.kubectl("scale", "deployment/qhub-storage", "--replicas=0")
    until("it is gone", lambda: not release.objects("pods", "component=storage"))
    try:
        assert answers(ann)
        assert typed(ann, "echo still > ~/here && cat ~/here") == "still"
        dora = sign_in_here("dora")
        # It may come back, so the start waits for a while, behind the page that tells what is being done.
        assert dora.api("POST", "/users/dora/server", {"profile": "small"}).status_code in (202, 503)
        until("the start is given up", lambda: "Your folders can't be prepared" in release.hub_log())
        assert "The storage service at qhub-storage:8102 does not answer" in release.hub_log()
        assert release.server_pod("dora") is None
        until("nothing is pending", lambda: not dora.server())
    finally:
        release.kubectl("scale", "deployment/qhub-storage", "--replicas=1")
    release.ready()
    until("dora's next try works", lambda: dora.start({"profile": "small"}).status_code in (201, 202), every=1)


def test_a_deleted_storage_pod_is_noticed_by_nobody_for_long(
    release: Release, sign_in_here: Callable[[str], Person]
) -> None:
    emil = sign_in_here("emil")
    delete(release, "storage")
    until("a start works again", lambda: emil.start({"profile": "small"}).status_code in (201, 202), every=1)


def test_a_server_whose_pod_dies_can_be_started_again(release: Release, ann: Person) -> None:
    before = uid(release, "ann")
    release.kubectl("delete", "pod", "--selector=hub.jupyter.org/username=ann", "--grace-period=0", "--force")
    until("the hub notices", lambda: not ann.server().get("ready"))

    def started() -> Any:
        return ann.start({"profile": "small"}).status_code in (201, 202)

    until("it starts again", started, every=1)
    assert uid(release, "ann") != before

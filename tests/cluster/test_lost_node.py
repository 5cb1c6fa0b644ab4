"""A node that is cut off: what the others notice, and what is left of the servers on it.

QHUB_CUT_NODE and QHUB_MEND_NODE are commands that are called with the node's name.
"""

import os
import shlex
import time
from collections.abc import Callable, Iterator

import pytest

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import kubectl, objects, ran, until
from tests.cluster.release import Release, typed

CUT, MEND = os.environ.get("QHUB_CUT_NODE", ""), os.environ.get("QHUB_MEND_NODE", "")

pytestmark = pytest.mark.skipif(not (CUT and MEND), reason="needs the commands QHUB_CUT_NODE and QHUB_MEND_NODE")

VALUES = """
qhub:
  signIn: {allow: everyone}
  nodeGroups:
    near: {labels: {qhub-e2e/pool: near}}
    far: {labels: {qhub-e2e/pool: far}, taints: [{key: qhub-e2e/far, value: "yes"}]}
  profiles:
    near:
      displayName: Near
      nodeGroup: near
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
    far:
      displayName: Far
      nodeGroup: far
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
    small: null
    medium: null
    share: null
"""


@pytest.fixture
def cut(pools: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Cut the far node off; it is mended when the test is over."""
    node = pools["far"]
    # The cluster's name service must not be lost along; the taint keeps its new pods off that node.
    there = f"--field-selector=spec.nodeName={node}"
    kubectl("-n", "kube-system", "delete", "pod", "--selector=k8s-app=kube-dns", there)
    until("names are served from the other node", _names_are_served)

    def ready() -> str:
        return kubectl("get", "node", node, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")

    def off() -> None:
        assert ran(*shlex.split(CUT), node).returncode == 0
        until("Kubernetes has noticed", lambda: ready() != "True")

    yield off
    ran(*shlex.split(MEND), node)
    until("the node is back", lambda: ready() == "True")


def test_who_is_on_the_other_node_works_on_and_nothing_is_left_behind(
    new_release: Callable[..., Release],
    pools: dict[str, str],
    cut: Callable[[], None],
    figure: Callable[[str, float], None],
) -> None:
    # The far node's taint keeps hub, proxy and storage on the near one.
    release = new_release().install(VALUES)
    ann, bob = release.started("ann", profile="near"), release.started("bob", profile="far")
    lost = _uid(release)
    began = time.monotonic()
    cut()
    figure("a node is cut off → Kubernetes notices", began)
    assert typed(ann, "echo on > ~/on; cat ~/on") == "on"
    until("bob is still signed in", lambda: bob.http.get("/hub/home").status_code == 200)

    # Bob gives up on that server: the hub must not wait for a node that can't answer.
    assert bob.api("DELETE", "/users/bob/server").status_code in (202, 204)
    refused = bob.api("POST", "/users/bob/server", {"profile": "far"})
    assert refused.status_code != 201
    assert "Traceback" not in refused.text
    assert typed(ann, "cat ~/on") == "on"

    ran(*shlex.split(MEND), pools["far"])
    until("the lost server is gone", lambda: _uid(release) != lost, every=1)
    figure("a node is cut off for that long, then: no lost pod is left", began)
    until("bob starts anew", lambda: _started(bob), every=1)
    assert _uid(release) != lost
    for person in (ann, bob):
        release.leave(person)
    until("no pod is left", lambda: not release.objects("pods", "component=singleuser-server"))


def _names_are_served() -> bool:
    pods = objects("kube-system", "pods", "k8s-app=kube-dns")
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for condition in pod["status"].get("conditions", [])
    )


def _uid(release: Release) -> object:
    return (release.server_pod("bob") or {}).get("metadata", {}).get("uid")


def _started(person: Person) -> bool:
    if not person.server().get("pending"):
        person.api("POST", f"/users/{person.name}/server", {"profile": "far"})
    return bool(person.server().get("ready"))

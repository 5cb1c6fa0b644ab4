"""What pods may do, and what a person reaches from inside their server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import ran
from tests.cluster.release import Release, typed

ROOT_NEEDED = "qhub-storage"


@pytest.fixture(scope="module")
def olga(team: Release) -> Iterator[Person]:
    """Somebody whose server runs."""
    person = team.started("olga", profile="small")
    yield person
    team.leave(person)


@pytest.fixture(scope="module")
def pods(team: Release, olga: Person) -> dict[str, dict[str, Any]]:
    """The pods of the release and of a person, by what they are."""
    found = {part: team.pod(part) for part in ("hub", "proxy", "storage")}
    return {**found, "server": team.server_pod("olga") or {}}


@pytest.mark.usefixtures("pods")
def test_only_the_storage_service_needs_more_than_pod_security_restricted(team: Release) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    ended = ran("kubectl", "label", "--dry-run=server", "--overwrite", "namespace", team.namespace, label)
    assert ended.returncode == 0, ended.stderr
    refused = [line for line in ended.stderr.splitlines() if re.match(r"Warning: \S+: ", line)]
    assert [line.split()[1].rsplit("-", 2)[0] for line in refused] == [ROOT_NEEDED], ended.stderr


@pytest.mark.parametrize("what", ["hub", "proxy", "storage", "server"])
def test_pods_can_do_little(pods: dict[str, dict[str, Any]], what: str) -> None:
    spec = pods[what]["spec"]
    assert spec["enableServiceLinks"] is False
    tokens = [volume for volume in spec["volumes"] if "projected" in volume and "kube-api" in volume["name"]]
    assert bool(tokens) == (what == "hub"), "only the hub speaks with Kubernetes"
    for container in spec["containers"]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"]["drop"] == ["ALL"]
        assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
        assert what == "server" or security["readOnlyRootFilesystem"] is True


def test_the_hubs_role_is_small(team: Release) -> None:
    account = f"--as=system:serviceaccount:{team.namespace}:hub"
    for asked, allowed in (
        ("create pods", "yes"),
        ("create pods --subresource=exec", "no"),
        ("get secrets", "no"),
        ("create rolebindings", "no"),
        ("get nodes", "no"),
    ):
        ended = ran("kubectl", "-n", team.namespace, "auth", "can-i", *asked.split(), account)
        assert ended.stdout.strip() == allowed, asked


def test_a_person_reaches_the_hub_and_none_of_its_insides(team: Release, olga: Person) -> None:
    other = team.started("otto", profile="small")
    try:
        address = (team.server_pod("otto") or {})["status"]["podIP"]
        open_to_all = ["hub/8081", "proxy-public/80"]
        closed = ["proxy-api/8001", "qhub-storage/8102", "kubernetes.default/443", f"{address}/8888"]
        targets = " ".join([*open_to_all, *closed])
        tried = f'for t in {targets}; do timeout 2 bash -c "</dev/tcp/$t" 2>/dev/null && echo $t; done'
        reached = typed(olga, tried).splitlines()
    finally:
        team.leave(other)
    assert reached == open_to_all


def test_a_server_holds_no_credentials_of_kubernetes(olga: Person) -> None:
    assert "No such file" in typed(olga, "ls /var/run/secrets/kubernetes.io")
    assert typed(olga, "env | grep -c -E 'HUB_SERVICE_HOST|PROXY_API_SERVICE'") == "0"


def test_a_person_is_nobody_else_even_with_tools_of_the_image(olga: Person) -> None:
    assert typed(olga, "grep -E 'NoNewPrivs|CapEff' /proc/self/status | tr -s '\\t' ' '").splitlines() == [
        "CapEff: 0000000000000000",
        "NoNewPrivs: 1",
    ]

"""Who can reach whom, by the rendered policies: what is needed, and nothing else."""

import pytest

from qhub_hub.hub.chart_values import spawner_settings
from tests.chart.policies import End, allowed, pod


@pytest.fixture(scope="module")
def ends(render) -> dict[str, End]:
    manifests = render()
    settings = spawner_settings(manifests.hub_values(), "qhub")
    server = End(labels={**settings["common_labels"], **settings["extra_labels"], "qhub/profile": "small"})
    return {
        "hub": pod(manifests, "hub"),
        "proxy": pod(manifests, "proxy"),
        "storage": pod(manifests, "qhub-storage"),
        "server": server,
        "stranger": End(labels={"app": "stranger"}),
        "elsewhere": End(namespace="other", labels={"hub.jupyter.org/network-access-hub": "true"}),
        "names": End(namespace="kube-system", labels={"k8s-app": "kube-dns"}),
        "internet": End(address="203.0.113.7"),
        "internet-v6": End(address="2001:db8::7"),
        "metadata": End(address="169.254.169.254"),
        "pod-identity": End(address="169.254.170.23"),
        "node-cache": End(address="169.254.20.10"),
        "private": End(address="10.3.4.5"),
        "shared-range": End(address="100.64.3.4"),
        "private-v6": End(address="fd00:ec2::254"),
    }


NEEDED = """
    internet    proxy     8000
    proxy       hub       8081
    proxy       server    8888
    hub         hub       8081
    hub         proxy     8001
    hub         server    8888
    hub         storage   8102
    hub         private   6443
    hub         internet  443
    hub         names     53
    proxy       names     53
    server      names     53
    server      node-cache 53
    server      hub       8081
    server      proxy     8000
    server      internet  443
    server      internet  22
    server      internet-v6 443
"""
DENIED = """
    stranger    hub       8081
    stranger    proxy     8001
    stranger    server    8888
    stranger    storage   8102
    elsewhere   hub       8081
    internet    hub       8081
    internet    server    8888
    internet    proxy     8001
    server      server    8888
    server      server    22
    server      storage   8102
    server      proxy     8001
    server      private   443
    server      private   6443
    server      shared-range 443
    server      metadata  80
    server      pod-identity 80
    server      private-v6 80
    server      names     9153
    proxy       storage   8102
    proxy       internet  443
    proxy       private   443
    hub         metadata  80
    storage     hub       8081
    storage     internet  443
    storage     names     53
    storage     private   443
"""


@pytest.mark.parametrize("edge", NEEDED.split("\n")[1:-1], ids=lambda line: "-".join(line.split()))
def test_what_the_parts_need_is_open(render, ends, edge: str) -> None:
    source, target, port = edge.split()
    assert allowed(render(), ends[source], ends[target], int(port), "UDP" if port == "53" else "TCP")


@pytest.mark.parametrize("edge", DENIED.split("\n")[1:-1], ids=lambda line: "-".join(line.split()))
def test_everything_else_is_closed(render, ends, edge: str) -> None:
    source, target, port = edge.split()
    assert not allowed(render(), ends[source], ends[target], int(port))


def test_an_encrypting_proxy_is_open_on_both_ports(render, ends) -> None:
    manifests = render("load-balancer")
    for port in (8000, 8443):
        assert allowed(manifests, ends["internet"], pod(manifests, "proxy"), port)
        assert allowed(manifests, ends["server"], pod(manifests, "proxy"), port)


def test_other_namespaces_come_in_only_where_the_values_accept_them(render, ends) -> None:
    assert allowed(render("everything"), ends["elsewhere"], pod(render("everything"), "hub"), 8081)


def test_two_releases_in_two_namespaces_select_only_their_own_pods(render) -> None:
    for policy in (each for each in render(release="other").objects if each["kind"] == "NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"]["release"] == "other"

"""Dask clusters in the chart: off by default, with few rights, and reachable by those who must."""

import subprocess

import pytest
import yaml

from qhub_hub.config import load_values
from qhub_hub.hub.chart_values import spawner_settings
from tests.chart.conftest import CHART, Helm
from tests.chart.policies import End, allowed, pod

API, CONTROLLER, PROXY = (f"{part}-qhub-dask-gateway" for part in ("api", "controller", "proxy"))
ENABLED = "dask-gateway: {enabled: true}"


def test_it_is_off_and_leaves_nothing_behind(render) -> None:
    manifests = render()
    assert not [each for each in manifests.objects if "dask-gateway" in each["metadata"]["name"]]
    assert "dask-gateway" not in yaml.safe_load(manifests.secret("qhub")["qhub.yaml"])


def test_the_names_are_those_that_people_know(render) -> None:
    manifests = render("dask")
    assert {API, CONTROLLER, PROXY} < set(manifests.names("Deployment"))
    assert {API, "traefik-qhub-dask-gateway"} < set(manifests.names("Service"))


def kinds_of_objects(helm: Helm, *options: str) -> subprocess.CompletedProcess[str]:
    return helm("template", "qhub", str(CHART), "--include-crds", *options)


def test_the_one_kind_of_object_is_only_installed_with_it(helm) -> None:
    assert "CustomResourceDefinition" not in kinds_of_objects(helm).stdout
    text = kinds_of_objects(helm, "--set", "dask-gateway.enabled=true").stdout
    (kind,) = [each for each in yaml.safe_load_all(text) if each and each["kind"] == "CustomResourceDefinition"]
    assert kind["metadata"]["name"] == "daskclusters.gateway.dask.org"
    assert kind["spec"]["scope"] == "Namespaced"


def test_an_upgrade_to_it_says_what_is_missing_first(helm) -> None:
    options = ("--is-upgrade", "--set", "dask-gateway.enabled=true")
    refused = kinds_of_objects(helm, *options)
    assert refused.returncode != 0
    assert "kubectl apply -f helm/charts/dask-gateway/crds/daskclusters.yaml" in refused.stderr
    assert kinds_of_objects(helm, *options, "--api-versions", "gateway.dask.org/v1alpha1").returncode == 0


def test_nobody_has_rights_beyond_the_namespace_and_none_reads_secrets(render) -> None:
    manifests = render("dask")
    assert not {"ClusterRole", "ClusterRoleBinding"} & {each["kind"] for each in manifests.objects}
    may = {
        name: {
            " ".join([verb, resource, *rule.get("resourceNames", ())])
            for rule in manifests.get("Role", name)["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for name in (API, CONTROLLER)
    }
    assert may[API] == {
        *(f"{verb} daskclusters" for verb in ("get", "list", "watch", "create", "patch")),
        f"get deployments {API}",
    }
    assert {right for right in may[CONTROLLER] if right.endswith("secrets")} == {"create secrets", "delete secrets"}
    assert not any(right.startswith(("update", "*", "escalate", "bind")) for right in may[CONTROLLER])


def test_each_part_has_only_its_keys(render) -> None:
    manifests = render("dask")
    keys = {}
    for name in (API, CONTROLLER, PROXY):
        spec = manifests.get("Deployment", name)["spec"]["template"]["spec"]
        mounted = [item["key"] for volume in spec["volumes"] for item in volume.get("secret", {}).get("items", ())]
        variables = [
            entry["valueFrom"]["secretKeyRef"]["key"]
            for entry in spec["containers"][0]["env"]
            if "secretKeyRef" in entry.get("valueFrom", {})
        ]
        keys[name] = {*mounted, *variables}
    assert keys[CONTROLLER] == {"qhub.daskKey"}
    assert keys[PROXY] == {"qhub.daskProxyToken"}
    assert keys[API] == {
        "hub.services.dask-gateway.apiToken",
        "qhub.daskKey",
        "qhub.daskProxyToken",
        "qhub.environmentsToken",
    }
    assert keys[API] <= manifests.secret("hub").keys()


def test_the_gateway_reads_the_section_without_how_people_sign_in(render, tmp_path) -> None:
    sign_in = "{provider: github, github: {clientId: Ov23li, clientSecret: hush}, allow: everyone}"
    manifests = render(values=f"{ENABLED}\nqhub: {{signIn: {sign_in}, dask: {{idle: 10m}}}}")
    assert "hush" in manifests.secret("qhub")["qhub.yaml"]
    text = manifests.secret(API)["qhub.yaml"]
    assert "hush" not in text
    (tmp_path / "qhub.yaml").write_text(text)
    values = load_values(tmp_path / "qhub.yaml", defaults=False)
    assert values.qhub.dask.idle == 600
    assert values.dask_gateway["image"] == "localhost/qhub/lab:0.1.0.dev0"


def test_hub_and_gateway_agree_on_where_it_is(render) -> None:
    manifests = render("dask")
    told = yaml.safe_load(manifests.secret("qhub")["qhub.yaml"])["dask-gateway"]
    assert told == yaml.safe_load(manifests.secret(API)["qhub.yaml"])["dask-gateway"]
    assert told["address"] == "http://traefik-qhub-dask-gateway/lab/services/dask-gateway"
    assert told["path"] == "/lab/services/dask-gateway"
    assert told["schedulerAddress"] == "gateway://traefik-qhub-dask-gateway:80"


def test_keys_come_from_the_administrators_own_secret_where_there_is_one(render) -> None:
    manifests = render("existing-secret", values=ENABLED)
    for name in (API, CONTROLLER, PROXY):
        assert "qhub-keys" in str(manifests.get("Deployment", name))
    assert manifests.secret("hub").keys() == {"values.yaml"}


@pytest.mark.parametrize("values", ["qhub: {dask: {idle: 10m}}", "qhub: {profiles: {more: {}}}"])
def test_policy_restarts_nothing(render, values: str) -> None:
    before, after = dict(render(values=ENABLED).pods()), dict(render(values=f"{ENABLED}\n{values}").pods())
    assert before == after


def test_a_release_may_have_the_longest_name_that_helm_allows(render) -> None:
    manifests = render("dask", release="a" * 53)
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests.objects]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for _, name in names)


@pytest.fixture(scope="module")
def ends(render) -> dict[str, End]:
    manifests = render("dask")
    settings = spawner_settings(manifests.hub_values(), "qhub")
    common = {"gateway.dask.org/instance": "qhub-dask-gateway", "release": "qhub"}
    return {
        "hub": pod(manifests, "hub"),
        "proxy": pod(manifests, "proxy"),
        "storage": pod(manifests, "qhub-storage"),
        "api": pod(manifests, API),
        "controller": pod(manifests, CONTROLLER),
        "dask-proxy": pod(manifests, PROXY),
        "server": End(labels={**settings["common_labels"], **settings["extra_labels"]}),
        "scheduler": End(labels={**common, "component": "dask-scheduler"}),
        "worker": End(labels={**common, "component": "dask-worker"}),
        "foreign-worker": End(labels={"gateway.dask.org/instance": "other", "component": "dask-worker"}),
        "names": End(namespace="kube-system", labels={"k8s-app": "kube-dns"}),
        "internet": End(address="203.0.113.7"),
        "private": End(address="10.3.4.5"),
        "stated": End(address="10.20.4.5"),
        "metadata": End(address="169.254.169.254"),
    }


NEEDED = """
    server      dask-proxy  8000
    proxy       dask-proxy  8000
    hub         dask-proxy  8000
    dask-proxy  api         8000
    dask-proxy  scheduler   8786
    dask-proxy  names       53
    api         hub         8081
    api         storage     8102
    api         scheduler   8787
    api         scheduler   8788
    api         private     6443
    api         names       53
    controller  private     443
    controller  names       53
    scheduler   api         8000
    scheduler   worker      8789
    scheduler   worker      8790
    scheduler   names       53
    worker      scheduler   8786
    worker      worker      8789
    worker      names       53
    worker      internet    443
    worker      stated      5432
"""
DENIED = """
    server      api         8000
    server      scheduler   8786
    server      scheduler   8787
    server      worker      8787
    server      worker      8789
    server      controller  8000
    proxy       api         8000
    proxy       scheduler   8787
    dask-proxy  scheduler   8787
    dask-proxy  hub         8081
    dask-proxy  internet    443
    worker      worker      8787
    worker      scheduler   8787
    worker      scheduler   8788
    worker      dask-proxy  8000
    worker      hub         8081
    worker      storage     8102
    worker      server      8888
    worker      private     443
    worker      metadata    80
    scheduler   server      8888
    scheduler   hub         8081
    foreign-worker scheduler 8786
    foreign-worker worker   8789
    foreign-worker api      8000
    api         internet    80
    api         server      8888
    api         worker      8787
    controller  hub         8081
    controller  api         8000
    controller  storage     8102
    internet    api         8000
    internet    dask-proxy  8000
"""


@pytest.mark.parametrize("edge", NEEDED.split("\n")[1:-1], ids=lambda line: "-".join(line.split()))
def test_what_the_parts_need_is_open(render, ends, edge: str) -> None:
    source, target, port = edge.split()
    assert allowed(render("dask"), ends[source], ends[target], int(port), "UDP" if port == "53" else "TCP")


@pytest.mark.parametrize("edge", DENIED.split("\n")[1:-1], ids=lambda line: "-".join(line.split()))
def test_everything_else_is_closed(render, ends, edge: str) -> None:
    source, target, port = edge.split()
    assert not allowed(render("dask"), ends[source], ends[target], int(port))

"""Which objects there are, what they are called, and that Kubernetes takes them."""

import kubernetes_validate
import pytest
import yaml

from qhub_hub import __version__
from tests.chart.conftest import CHART, SETS

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "PriorityClass", "PersistentVolume", "CustomResourceDefinition"}


@pytest.mark.parametrize("values", ["", *(file.stem for file in SETS)], ids=lambda name: name or "defaults")
def test_kubernetes_would_take_every_object(render, values: str) -> None:
    for found in render(*filter(None, [values])).objects:
        if found["kind"] != "HTTPRoute":  # no kind of Kubernetes itself
            for version in ("1.32", "1.34", "1.36"):
                kubernetes_validate.validate(found, version, strict=True)


def test_without_values_there_are_few_objects_and_none_beyond_the_namespace(render) -> None:
    kinds = [each["kind"] for each in render().objects]
    assert len(kinds) <= 25
    assert not CLUSTER_WIDE & set(kinds)
    assert CLUSTER_WIDE & {each["kind"] for each in render("everything").objects} == {"PriorityClass"}


def test_the_names_are_those_that_people_know(render) -> None:
    manifests = render()
    assert {"hub", "proxy", "qhub-environments", "qhub-storage"} == set(manifests.names("Deployment"))
    assert {"hub", "proxy-api", "proxy-public", "qhub-storage"} == set(manifests.names("Service"))
    assert {"hub-db-dir", "qhub-share"} == set(manifests.names("PersistentVolumeClaim"))
    assert {"hub", "qhub"} == set(manifests.names("Secret"))
    for name, component in (("hub", "hub"), ("proxy", "proxy")):
        labels = manifests.get("Deployment", name)["metadata"]["labels"]
        assert {"app": "jupyterhub", "component": component, "release": "qhub"}.items() <= labels.items()


def test_what_belongs_to_people_outlives_the_release(render) -> None:
    for name in ("hub-db-dir", "qhub-share"):
        claim = render().get("PersistentVolumeClaim", name)
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert render("postgres").names("PersistentVolumeClaim") == []


def test_the_share_is_as_large_and_of_the_class_that_the_values_say(render) -> None:
    share = render("everything").get("PersistentVolumeClaim", "qhub-share")["spec"]
    assert share == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "shared",
        "resources": {"requests": {"storage": "1Ti"}},
    }
    assert "storageClassName" not in render().get("PersistentVolumeClaim", "qhub-share")["spec"]


def test_a_release_may_have_the_longest_name_that_helm_allows(render) -> None:
    name = "a" * 53
    for each in render("everything", release=name).objects:
        kubernetes_validate.validate(each, "1.34", strict=True)
        labels = {**each["metadata"]["labels"], **dict_of_pod_labels(each)}
        assert all(len(value) <= 63 for value in labels.values())
        assert len(each["metadata"]["name"]) <= (253 if each["kind"] == "PriorityClass" else 63)


def dict_of_pod_labels(found: dict) -> dict[str, str]:
    return found.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})


def test_no_label_of_a_pod_changes_with_the_charts_version(render) -> None:
    for _, pod in render().pods():
        assert not any(name in pod["metadata"]["labels"] for name in ("helm.sh/chart", "app.kubernetes.io/version"))


def test_selectors_find_the_pods_they_are_meant_for(render) -> None:
    manifests = render()
    pods = {name: pod["metadata"]["labels"] for name, pod in manifests.pods()}
    behind = {"hub": "hub", "proxy-api": "proxy", "proxy-public": "proxy", "qhub-storage": "qhub-storage"}
    for service, wanted in behind.items():
        selector = manifests.get("Service", service)["spec"]["selector"].items()
        assert [name for name, labels in pods.items() if selector <= labels.items()] == [wanted]


def test_the_chart_has_the_packages_version_and_needs_no_repository() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    for part in chart["dependencies"]:
        own = yaml.safe_load((CHART / "charts" / part["name"] / "Chart.yaml").read_text())
        assert "repository" not in part
        assert (own["name"], own["version"], own["appVersion"]) == (part["name"], part["version"], __version__)


def test_the_linter_has_nothing_to_say(helm) -> None:
    done = helm("lint", "--strict", "--quiet", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("values", "path", "backend"), [("ingress", "/lab/", "http"), ("everything", "/", "http")], ids=["below", "root"]
)
def test_an_ingress_leads_to_the_proxy(render, values: str, path: str, backend: str) -> None:
    (rule,) = render(values).get("Ingress", "jupyterhub")["spec"]["rules"]
    (entry,) = rule["http"]["paths"]
    assert (rule["host"], entry["path"]) == ("hub.example.org", path)
    assert entry["backend"]["service"] == {"name": "proxy-public", "port": {"name": backend}}


def test_a_gateway_leads_to_the_proxy(render) -> None:
    spec = render("httproute").get("HTTPRoute", "jupyterhub")["spec"]
    assert spec["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert spec["rules"][0]["backendRefs"] == [{"name": "proxy-public", "port": 80}]

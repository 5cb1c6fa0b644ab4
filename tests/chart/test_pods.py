"""What every pod of the chart keeps to."""

import pytest
import yaml

from qhub_hub.testing.kube.pod_security import violations
from tests.chart.conftest import SETS

ALL = pytest.mark.parametrize("values", ["", *(file.stem for file in SETS)], ids=lambda name: name or "defaults")


def rendered(render, values: str):
    return render(*filter(None, [values]))


@ALL
def test_every_pod_is_restricted_but_for_the_one_that_makes_folders(render, values: str) -> None:
    for name, pod in rendered(render, values).pods():
        level = "baseline" if name == "qhub-storage" else "restricted"
        assert violations(pod["spec"], level) == [], name


def test_the_storage_pod_has_no_more_rights_than_making_folders_takes(render) -> None:
    (container,) = render().get("Deployment", "qhub-storage")["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"],
    }
    assert "env" not in container


@ALL
def test_nobody_writes_to_an_image_and_everybody_says_what_they_need(render, values: str) -> None:
    for name, container in rendered(render, values).containers():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name


@ALL
def test_only_what_makes_pods_may_talk_to_kubernetes(render, values: str) -> None:
    allowed = ("hub", "api-qhub-dask-gateway", "controller-qhub-dask-gateway")
    for name, pod in rendered(render, values).pods():
        assert pod["spec"]["automountServiceAccountToken"] is (name in allowed)
        assert pod["spec"]["enableServiceLinks"] is False


@ALL
def test_what_serves_is_probed_every_second_until_it_is_there(render, values: str) -> None:
    manifests = rendered(render, values)
    for name, container in manifests.containers():
        if container.get("ports"):
            assert container["startupProbe"]["periodSeconds"] == 1, name
            asked = [
                {kind: probe[kind] for kind in ("httpGet", "tcpSocket") if kind in probe}
                for probe in (container["readinessProbe"], container["livenessProbe"])
            ]
            assert asked[0] == asked[1] != {}, name


def test_the_hub_is_probed_below_its_path(render) -> None:
    (container,) = render("ingress").get("Deployment", "hub")["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/lab/hub/health"
    (proxy,) = render("ingress").get("Deployment", "proxy")["spec"]["template"]["spec"]["containers"]
    assert "--error-target=http://hub:8081/lab/hub/error" in proxy["args"]


def test_the_hubs_rights_hold_for_pods_and_events_of_its_namespace_only(render) -> None:
    assert render().get("Role", "hub")["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]},
    ]
    more = {what for rule in render("everything").get("Role", "hub")["rules"] for what in rule["resources"]}
    assert more == {"pods", "events", "persistentvolumeclaims", "services"}


@pytest.mark.parametrize(
    ("values", "image", "reference"),
    [
        ("", "hub", "localhost/qhub/hub:0.1.0.dev0"),
        ("ingress", "hub", "registry.example.org/qhub-builds/qhub/hub:0.1.0.dev0"),
        ("ingress", "lab", "registry.example.org/qhub-builds/qhub/lab:0.1.0.dev0"),
        ("everything", "lab", "quay.io/jupyter/base-notebook:2026-01-05"),
    ],
)
def test_own_images_come_from_the_registry_and_others_as_they_are_named(render, values, image, reference) -> None:
    (container,) = rendered(render, values).get("Deployment", "hub")["spec"]["template"]["spec"]["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert {"hub": container["image"], "lab": variables["QHUB_LAB_IMAGE"]}[image] == reference


def test_a_placeholder_takes_all_of_a_node_that_servers_can_have(render) -> None:
    template = render("everything").get("Deployment", "user-placeholder-gpu")["spec"]["template"]["spec"]
    assert template["containers"][0]["resources"] == {
        "requests": {"cpu": "3750m", "memory": "15430Mi"},
        "limits": {"nvidia.com/gpu": 1},
    }
    assert template["nodeSelector"] == {"example.org/pool": "gpu"}
    assert template["tolerations"][0] == {
        "key": "nvidia.com/gpu",
        "operator": "Equal",
        "value": "present",
        "effect": "NoSchedule",
    }
    assert render("everything").get("Deployment", "user-placeholder-gpu")["spec"]["replicas"] == 2


def test_the_images_of_a_groups_profiles_are_pulled_onto_its_nodes(render) -> None:
    spec = render("everything").get("DaemonSet", "continuous-image-puller-gpu")["spec"]["template"]["spec"]
    assert [each["image"].split(":")[0] for each in (*spec["initContainers"], *spec["containers"])] == [
        "quay.io/jupyter/pytorch-notebook",
        "quay.io/jupyter/tensorflow-notebook",
        "quay.io/jupyter/r-notebook",
        "quay.io/jupyter/base-notebook",
    ]
    assert not render().names("DaemonSet")


def test_files_for_servers_become_volumes_of_theirs(render) -> None:
    manifests = render("everything")
    storage = manifests.hub_values()["singleuser"]["storage"]
    assert [each["name"] for each in storage["extraVolumes"]] == ["scratch", "extra-files"]
    assert storage["extraVolumeMounts"][1]["mountPath"] == "/etc/motd"
    assert manifests.secret("singleuser") == {"extraFiles.motd": "Hello"}
    assert yaml.safe_load(manifests.secret("hub")["extraFiles.table"]) == {"a": [1, 2]}

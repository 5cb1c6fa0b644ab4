"""Pods of a cluster are like a server of their owner, and restricted like it."""

import re

import pytest

from qhub_hub.dask.kube.pods import SCRATCH, UnsafePod, planned_pod
from qhub_hub.testing.kube.pod_security import violations
from tests.unit.dask.kube.conftest import GROUP, PASSWD

BOTH = pytest.mark.parametrize("role", ["scheduler", "worker"])


def container(pod):
    (only,) = pod["spec"]["containers"]
    return only


def variables(pod):
    names = [entry["name"] for entry in container(pod)["env"]]
    assert len(names) == len(set(names)), "Kubernetes takes the last of two"
    return {entry["name"]: entry.get("value") for entry in container(pod)["env"]}


@BOTH
def test_field_by_field_it_is_a_server_of_the_same_person(cluster, role) -> None:
    made = cluster(env={"OWN": "x"}, cpu={"guarantee": 0.5, "limit": 2}, memory={"limit": "2Gi"})
    pod, server = getattr(made, role), made.server
    spec, only = pod["spec"], container(pod)
    assert spec["securityContext"] == server.pod_security
    assert only["securityContext"] == server.container_security
    assert only["workingDir"] == server.working_dir == "/home/ann"
    assert [volume for volume in spec["volumes"] if not volume["name"].startswith("dask-")] == server.volumes
    assert [mount for mount in only["volumeMounts"] if not mount["name"].startswith("dask-")] == server.volume_mounts
    assert [each for each in spec["tolerations"] if "k8s.dask.org" not in each["key"]] == server.tolerations
    for name, value in server.labels.items():
        assert name == "qhub/node-group" or pod["metadata"]["labels"][name] == value
    assert {"qhub/passwd": PASSWD, "qhub/group": GROUP}.items() <= pod["metadata"]["annotations"].items()
    own = variables(pod)
    for name in ("HOME", "USER", "LOGNAME", "SHELL", "QHUB_SHARED", "QHUB_ENVIRONMENTS", "OWN"):
        assert own.get(name) == server.env.get(name)


def test_a_worker_gets_what_a_server_of_that_profile_gets(cluster) -> None:
    made = cluster(nodeGroup="gpu", gpu=2, cpu={"guarantee": 0.5, "limit": 4}, memory={"limit": "8Gi"})
    assert container(made.worker)["resources"] == made.server.resources
    assert made.server.resources["limits"]["nvidia.com/gpu"] == "2"
    assert made.worker["spec"]["nodeSelector"] == made.server.node_selector == {"pool": "gpu"}
    assert made.server.tolerations[0] in made.worker["spec"]["tolerations"]


def test_a_scheduler_is_small_has_no_accelerator_and_its_own_nodes(cluster) -> None:
    made = cluster(nodeGroup="gpu", gpu=2, cpu={"limit": 4}, memory={"limit": "8Gi"})
    resources = container(made.scheduler)["resources"]
    assert resources["requests"] == {"cpu": "100m", "memory": str(256 * 2**20)}
    assert "nvidia.com/gpu" not in resources["limits"]
    assert made.scheduler["spec"]["nodeSelector"] == {"pool": "small"}


@BOTH
def test_it_passes_pod_security_restricted(cluster, role) -> None:
    pod = getattr(cluster(), role)
    assert violations(pod["spec"], "restricted") == []
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["enableServiceLinks"] is False


@BOTH
def test_nodes_for_dask_are_preferred_and_their_taints_tolerated(cluster, role) -> None:
    spec = getattr(cluster(), role)["spec"]
    wanted = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [each["preference"]["matchExpressions"][0]["values"] for each in wanted] == [[role], ["user"]]
    taint = {"key": "k8s.dask.org/dedicated", "operator": "Equal", "value": role, "effect": "NoSchedule"}
    assert taint in spec["tolerations"]


@BOTH
def test_the_images_entry_point_is_not_in_the_way(cluster, role) -> None:
    only = container(getattr(cluster(), role))
    assert "args" not in only
    assert only["command"][:2] == ["/bin/sh", "-c"]
    assert "umask 0002" in only["command"][2]
    assert ["python", "-m", f"distributed.cli.dask_{role}"] == only["command"][4:7]


@pytest.mark.parametrize(("image", "runs"), [("", "lab:1"), ("own:2", "own:2")], ids=["the-releases", "the-profiles"])
@BOTH
def test_the_image_is_the_profiles_or_the_releases(cluster, role, image, runs) -> None:
    assert container(getattr(cluster(image=image), role))["image"] == runs


def test_a_worker_listens_where_the_network_policy_lets_others_in(cluster) -> None:
    command = container(cluster().worker)["command"]
    assert re.search(r"--worker-port 8789 --nanny-port 8790", " ".join(command))


def test_a_worker_spills_to_the_nodes_disk_before_its_pod_is_killed(cluster) -> None:
    only = container(cluster(memory={"limit": "2Gi"}).worker)
    limit = int(only["command"][only["command"].index("--memory-limit") + 1])
    assert 2 * 2**30 * 3 // 4 <= limit < 2 * 2**30
    assert variables(cluster().worker)["DASK_TEMPORARY_DIRECTORY"] == SCRATCH
    assert {"name": "dask-scratch", "mountPath": SCRATCH} in only["volumeMounts"]
    assert {"name": "dask-scratch", "emptyDir": {}} in cluster().worker["spec"]["volumes"]


@BOTH
def test_what_the_gateway_trusts_cannot_be_overwritten(cluster, role) -> None:
    made = cluster()
    record = {**made.record[f"{role}_parts"], "env": {"DASK_GATEWAY_API_TOKEN": "mine", "DASK_GATEWAY_API_URL": "me"}}
    is_worker = role == "worker"
    upstream = {
        "metadata": {"labels": {"app.kubernetes.io/component": f"dask-{role}"}, "annotations": {}},
        "spec": {
            "containers": [{**container(made.worker if is_worker else made.scheduler), "args": []}],
            "volumes": [],
        },
    }
    found = variables(planned_pod(upstream, record, {}))
    assert found["DASK_GATEWAY_API_TOKEN"] == "/etc/dask-credentials/api-token"
    assert found["DASK_GATEWAY_API_URL"] == "http://api:8000/api"


UNSAFE = {
    "a-secret": {"volumes": [{"name": "x", "secret": {"secretName": "hub"}}]},
    "the-node": {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]},
    "a-service-account": {"volumes": [{"name": "x", "projected": {"sources": []}}]},
    "others-credentials": {"volumes": [{"name": "dask-credentials", "persistentVolumeClaim": {"claimName": "x"}}]},
    "root": {"pod_security": {"runAsUser": 0, "runAsNonRoot": True}},
    "anybody": {"pod_security": {"runAsUser": 5001}},
    "privileges": {"container_security": {"runAsUser": 5001, "runAsNonRoot": True}},
}


@pytest.mark.parametrize("part", UNSAFE.values(), ids=UNSAFE)
def test_a_record_cannot_ask_for_what_no_plan_gives(cluster, controller, part) -> None:
    from dask_gateway_server.utils import FrozenAttrDict

    record = cluster().record
    forged = {**record, "worker_parts": {**record["worker_parts"], **part}}
    with pytest.raises(UnsafePod):
        controller.make_pod("team", "abc", FrozenAttrDict(forged), is_worker=True)


def test_a_scheduler_is_found_ready_within_a_second(cluster) -> None:
    made = cluster()
    probe = container(made.scheduler)["startupProbe"]
    assert probe["periodSeconds"] == 1
    assert probe["httpGet"] == container(made.scheduler)["readinessProbe"]["httpGet"]
    assert "startupProbe" not in container(made.worker)


def test_names_of_a_thousand_people_are_kept_once(cluster) -> None:
    assert str(cluster().record).count("ann:x:5001") == 1

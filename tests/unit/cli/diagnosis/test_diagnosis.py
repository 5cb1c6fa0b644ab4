"""Each situation is named once, with its object and what to do."""

import base64
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.cli.diagnosis import diagnose
from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import KINDS, Snapshot

Recorded = Callable[..., Snapshot]


def secret(name: str, **texts: str) -> dict[str, Any]:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {"metadata": {"name": name}, "data": data}


GOOD = {
    "hub.config.JupyterHub.cookie_secret": "ab" * 32,
    "hub.config.CryptKeeper.keys": "cd" * 32,
    "hub.config.ConfigurableHTTPProxy.auth_token": "t" * 64,
    "qhub.storageToken": "s" * 32,
    "qhub.password": "p" * 20,
    "qhub.adminPassword": "a" * 40,
}
SETTINGS = [secret("qhub", **{"qhub.yaml": "qhub: {name: Team}"}), secret("hub", **GOOD)]


def of(found: list[Finding], subject: str) -> list[Finding]:
    return [finding for finding in found if finding.subject == subject]


SITUATIONS = [
    ("claim", "claims", "persistentvolumeclaim/qhub-share", "names no storage class", "className"),
    ("admission", "admission", "deployment/qhub-storage", "restricted", "enforce=baseline"),
    ("quota", "quota", "deployment/hub", "the quota small leaves no room", "larger quota"),
    ("images", "images", "deployment/hub", "hub:0.0.0-missing is not on node-1", "global.imageRegistry"),
    ("images", "images", "deployment/proxy", "proxy:0.0.0-missing is not on node-0", "load it onto every node"),
    ("images", "images", "deployment/qhub-storage", "localhost/Qhub:BAD: is no name of an image", "small letters"),
    ("crash", "pods", "deployment/hub", "its last words: loading Caddyfile via flag: open /nowhere", "--previous"),
    ("crash", "pods", "deployment/proxy", '"/no-such-command"', "--previous"),
    ("crash", "values", "secret/qhub", "qhub.yaml:3: qhub.profils: unknown key", "helm upgrade"),
    ("rwo", "claims", "persistentvolumeclaim/qhub-share", "its pods are on node-0, node-1", "ReadWriteMany"),
    ("nodes", "nodes", "qhub.nodeGroups.gpu", "no node has the labels hub.jupyter.org/node-purpose=gpu", "label nodes"),
    ("nodes", "nodes", "qhub.nodeGroups.zone", "more memory than any of its nodes has", "memory of one node"),
    ("nodes", "nodes", "pod/jupyter-bob", "no node of the node group gpu takes the pod", "qhub.nodeGroups"),
    ("nodes", "secrets", "secret/hub", "hub.config.CryptKeeper.keys is missing", "qhub restore"),
    ("helm", "releases", "namespace/care-helm", "the releases other, qhub", "helm uninstall"),
    ("helm", "releases", "release/other", "its revision 1 failed", "helm status other"),
    ("helm", "values", "deployment/hub", "qhub.name changed since it started", "rollout restart"),
    ("helm", "pods", "deployment/hub-other", 'secret "not-there" not found', "Make what it names"),
]


@pytest.mark.parametrize("expected", SITUATIONS, ids=lambda expected: f"{expected[0]} {expected[2]}")
def test_what_a_real_cluster_showed_is_named_with_its_remedy(recorded: Recorded, expected: tuple[str, ...]) -> None:
    situation, subject, where, what, remedy = expected
    found = [one for one in of(diagnose(recorded(situation)), subject) if one.where == where and what in one.what]
    assert len(found) == 1
    assert remedy in found[0].remedy
    assert found[0].weight == "problem"


@pytest.mark.parametrize("situation", ["claim", "admission", "quota", "images", "crash", "rwo", "nodes", "helm"])
def test_a_cause_is_not_told_again_as_its_effect(recorded: Recorded, situation: str) -> None:
    assert not [one for one in diagnose(recorded(situation)) if "nothing tells why" in one.what]


def test_a_release_without_fault_has_no_problem(recorded: Recorded) -> None:
    snapshot = recorded("nodes", secrets=SETTINGS)
    pods = tuple(pod for pod in snapshot.all("pods") if pod["metadata"]["name"] != "jupyter-bob")
    whole = dataclasses.replace(snapshot, objects={**snapshot.objects, "pods": pods})
    assert [one for one in diagnose(whole) if one.weight == "problem"] == []


def test_the_builder_is_missed_where_conda_store_is_to_build(recorded: Recorded) -> None:
    for environments, missed in (("{provider: conda-store}", 1), ("{}", 0)):
        values = f"qhub: {{environments: {environments}}}"
        snapshot = recorded("nodes", secrets=[secret("qhub", **{"qhub.yaml": values}), *SETTINGS[1:]])
        found = [one for one in diagnose(snapshot) if one.where == "deployment/qhub-environments"]
        assert [one.what[:17] for one in found] == ["it does not exist"] * missed


def test_a_builder_that_is_not_ready_is_named(recorded: Recorded) -> None:
    snapshot = recorded("nodes", secrets=SETTINGS)
    builder = {"metadata": {"name": "qhub-environments"}, "spec": {"replicas": 1}, "status": {}}
    objects = {**snapshot.objects, "deployments": (*snapshot.all("deployments"), builder)}
    found = diagnose(dataclasses.replace(snapshot, objects=objects))
    assert [one for one in found if one.where == "deployment/qhub-environments" and "not ready" in one.what]


def test_an_empty_namespace_is_one_finding() -> None:
    found = diagnose(Snapshot("team", dict.fromkeys(KINDS, ())))
    assert [(one.where, one.weight) for one in found] == [("namespace/team", "problem")]


def test_what_the_account_may_not_read_is_said_and_not_taken_for_missing() -> None:
    unread = {"secrets": "your account may not do that", "nodes": "your account may not do that"}
    objects = {kind: () for kind in KINDS if kind not in unread}
    found = {one.where: one.weight for one in diagnose(Snapshot("team", objects, unread))}
    assert found["secrets"] == "problem"
    assert found["nodes"] == "note"
    assert "secret/hub" not in found


def test_a_multi_attach_names_the_pod_that_waits(recorded: Recorded) -> None:
    event = {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "reason": "FailedAttachVolume",
        "message": 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) hub-1',
        "involvedObject": {"kind": "Pod", "name": "jupyter-ann"},
    }
    (found,) = of(diagnose(recorded("rwo", events=[event])), "claims")
    assert "pod jupyter-ann waits for it" in found.what


def test_another_jupyterhub_under_the_same_names_is_told_from_ours(recorded: Recorded) -> None:
    snapshot = recorded("nodes", secrets=SETTINGS)
    hub = json.loads(json.dumps(snapshot.named("deployments", "hub")))
    hub["spec"]["template"]["spec"]["containers"][0]["args"] = [
        "jupyterhub",
        "--config",
        "/usr/local/etc/jupyterhub/jupyterhub_config.py",
    ]
    others = tuple(one for one in snapshot.all("deployments") if one["metadata"]["name"] != "hub")
    found = diagnose(dataclasses.replace(snapshot, objects={**snapshot.objects, "deployments": (hub, *others)}))
    assert [one.where for one in of(found, "releases")] == ["deployment/hub"]


def with_existing(snapshot: Snapshot, *secrets: dict[str, Any]) -> Snapshot:
    hub = json.loads(json.dumps(snapshot.named("deployments", "hub")))
    spec = hub["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "own", "secret": {"secretName": "mine"}}]
    mount = {"name": "own", "mountPath": "/usr/local/etc/jupyterhub/existing-secret"}
    spec["containers"][0]["volumeMounts"] = [mount]
    others = tuple(one for one in snapshot.all("deployments") if one["metadata"]["name"] != "hub")
    objects = {**snapshot.objects, "deployments": (hub, *others), "secrets": (*SETTINGS[:1], *secrets)}
    return dataclasses.replace(snapshot, objects=objects)


def test_an_existing_secret_that_lacks_a_key_is_named_with_the_key(recorded: Recorded) -> None:
    lacking = {key: text for key, text in GOOD.items() if key != "qhub.storageToken"}
    (found,) = of(diagnose(with_existing(recorded("nodes"), secret("mine", **lacking))), "secrets")
    assert (found.where, found.what) == ("secret/mine", "qhub.storageToken is missing.")


@pytest.mark.parametrize(
    ("parts", "missing"), [(("environments", "server", "worker"), True), (("environments",), False)]
)
def test_with_conda_store_its_keys_are_asked_for(recorded: Recorded, parts: tuple[str, ...], missing: bool) -> None:
    containers = [{"name": name} for name in parts]
    builder = {
        "metadata": {"name": "qhub-environments"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
        "status": {"readyReplicas": 1},
    }
    snapshot = with_existing(recorded("nodes"), secret("mine", **GOOD))
    objects = {**snapshot.objects, "deployments": (*snapshot.all("deployments"), builder)}
    found = [one.what for one in of(diagnose(dataclasses.replace(snapshot, objects=objects)), "secrets")]
    both = "hub.services.conda-store.apiToken is missing; qhub.condaStoreKey is missing."
    assert found == [both] * missing


def test_an_existing_secret_that_is_not_there_is_named(recorded: Recorded) -> None:
    (found,) = of(diagnose(with_existing(recorded("nodes"))), "secrets")
    assert found.where == "secret/mine"
    assert "existingSecret" in found.what


def test_no_value_of_a_secret_is_ever_told(recorded: Recorded) -> None:
    wrong = {**GOOD, "hub.config.JupyterHub.cookie_secret": "hunter2-is-no-hexadecimal", "qhub.password": "hunter2"}
    settings = secret("qhub", **{"qhub.yaml": "qhub: {signIn: {clientSecret: [hunter2]}}"})
    told = " ".join(map(str, diagnose(recorded("nodes", secrets=[settings, secret("hub", **wrong)]))))
    assert "cookie_secret must be" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("log", "line", "remedy"),
    [
        pytest.param(
            "starting\nFound database schema version 1 != 2. Backup your database and run `jupyterhub upgrade-db`\n",
            "Found database schema version",
            "hub.db.upgrade",
            id="database of another version",
        ),
        pytest.param(
            "qhub: The values can't be used:\n  qhub.yaml:3: unknown key\n",
            "can't be used",
            "Correct the values",
            id="broken values",
        ),
        pytest.param(
            'Traceback (most recent call last):\n  File "a.py", line 1\nOSError: [Errno 28] No space left on device\n',
            "No space left",
            "enlarge the claim",
            id="full volume",
        ),
        pytest.param(
            "qhub: The files belong to the realm 'a', the identity database to 'b'\n",
            "belong to the realm",
            "another identity database",
            id="foreign share",
        ),
    ],
)
def test_the_line_of_a_log_that_matters_leads_to_its_remedy(
    recorded: Recorded, log: str, line: str, remedy: str
) -> None:
    snapshot = recorded("crash")
    logs = {key: log if key.startswith("hub-") else text for key, text in snapshot.logs.items()}
    found = [one for one in of(diagnose(dataclasses.replace(snapshot, logs=logs)), "pods") if "/hub" in one.where]
    assert line in found[0].what
    assert remedy in found[0].remedy


@pytest.mark.parametrize(("share", "weight"), [(89, ""), (90, "note"), (97, "problem")])
def test_a_volume_is_told_before_it_is_full(recorded: Recorded, share: int, weight: str) -> None:
    snapshot = dataclasses.replace(recorded("nodes", secrets=SETTINGS), used={"hub": share})
    assert [one.weight for one in of(diagnose(snapshot), "claims")] == [weight] * bool(weight)


def test_a_taint_that_a_node_group_does_not_state_is_named(recorded: Recorded) -> None:
    snapshot = recorded(
        "nodes",
        secrets=[
            secret(
                "qhub",
                **{
                    "qhub.yaml": "qhub: {nodeGroups: {zone: {labels: {kubernetes.io/os: linux}}}, "
                    "profiles: {one: {nodeGroup: zone}}}"
                },
            ),
            SETTINGS[1],
        ],
    )
    nodes = [
        {**node, "spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}}
        for node in snapshot.all("nodes")
    ]
    found = diagnose(dataclasses.replace(snapshot, objects={**snapshot.objects, "nodes": tuple(nodes)}))
    assert any("gpu=yes:NoSchedule" in one.what for one in of(found, "nodes") if one.where == "qhub.nodeGroups.zone")


def test_recorded_objects_hold_no_more_than_they_need() -> None:
    for path in (Path(__file__).parent / "objects").iterdir():
        assert path.stat().st_size < 20_000

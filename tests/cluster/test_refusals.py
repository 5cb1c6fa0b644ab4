"""What can't work is refused with a sentence: by helm before anything is created, by the pages, or by `qhub doctor`."""

import json
from collections.abc import Callable

import pytest

from tests.cluster.kubernetes import CHART, helm, kubectl, objects, until
from tests.cluster.release import Release, qhub

SMALL = """
qhub:
  signIn: {allow: everyone}
  profiles:
    small: {displayName: Small, cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "2Gi"}}
    medium: null
    share: null
"""

WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown key": ("qhub: {profils: {}}", ("profils",)),
    "unknown key of a profile": ("qhub: {profiles: {a: {displayNaem: A}}}", ("profiles", "displayNaem")),
    "word that is none of the allowed": ("qhub: {signIn: {provider: ldap}}", ("signIn/provider", "oidc")),
    "wrong type": ("qhub: {profiles: {a: {order: first}}}", ("profiles/a/order", "integer")),
    "amount": ("qhub: {profiles: {a: {memory: {limit: lots}}}}", ("profiles/a/memory/limit",)),
    "uid of the system": ("qhub: {users: {ann: {uid: 0}}}", ("users/ann/uid", "minimum")),
    "access mode": ("qhub: {storage: {claim: {accessMode: Sometimes}}}", ("accessMode", "ReadWriteMany")),
    "Zero to JupyterHub's own profiles": (
        "jupyterhub: {singleuser: {profileList: [{display_name: A}]}}",
        ("jupyterhub.singleuser.profileList", "qhub.profiles"),
    ),
    "Zero to JupyterHub's own culling": ("jupyterhub: {cull: {every: 60}}", ("jupyterhub.cull", "qhub.culling")),
    "unknown section": ("jupiterhub: {}", ("jupiterhub",)),
    "unknown key of the hub": ("jupyterhub: {hub: {extraEnvs: {}}}", ("extraEnvs",)),
    "certificate without a Secret": (
        "jupyterhub: {proxy: {https: {enabled: true}}}",
        ("jupyterhub.proxy.https.secret.name",),
    ),
}


@pytest.fixture(scope="module")
def empty(new_namespace: Callable[..., str]) -> str:
    """A namespace in which nothing must come to be."""
    return new_namespace("refused")


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_refused_before_anything_is_created(empty: str, case: str) -> None:
    values, told = WRONG[case]
    ended = helm("install", "qhub", str(CHART), "--namespace", empty, values=values)
    assert ended.returncode != 0, "it was installed"
    for text in told:
        assert text in ended.stderr, ended.stderr
    assert objects(empty, "deployments,services,secrets,pvc,roles") == []


def test_files_of_a_release_that_is_gone_are_not_taken_over_unasked(new_namespace: Callable[..., str]) -> None:
    namespace = new_namespace("left")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    left = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "qhub-share"}, "spec": claim}
    kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(left))
    ended = helm("install", "qhub", str(CHART), "--namespace", namespace, values=SMALL)
    assert ended.returncode != 0
    assert f"The namespace {namespace} has a claim qhub-share that no release of Helm made" in ended.stderr
    assert objects(namespace, "deployments,services,roles") == []


def try_to_install(release: Release, values: str) -> Release:
    """Install without waiting: it can't become ready."""
    ended = helm("install", release.name, str(CHART), "--namespace", release.namespace, values=values)
    assert ended.returncode == 0, ended.stderr
    release.notes = ended.stdout
    return release


def doctor_says(release: Release, *words: str) -> None:
    """`qhub doctor` must come to say all this."""

    def said() -> bool:
        ended = qhub("doctor", "--namespace", release.namespace)
        assert ended.returncode == 1, ended.stdout + ended.stderr
        missing = [word for word in words if word not in ended.stdout]
        assert not missing, f"{missing} missing in: {ended.stdout}"
        return True

    until(f"qhub doctor says {words}", said, every=1)


def test_a_storage_class_that_is_not_there(new_release: Callable[..., Release]) -> None:
    release = try_to_install(
        new_release("no-class"), f"{SMALL}\n  storage: {{claim: {{className: qhub-e2e-nowhere}}}}\n"
    )
    doctor_says(release, "qhub-share", "qhub-e2e-nowhere")


def test_an_image_that_is_not_there(new_release: Callable[..., Release]) -> None:
    release = try_to_install(new_release("no-image"), f"{SMALL}\njupyterhub: {{hub: {{image: {{tag: nowhere}}}}}}\n")
    doctor_says(release, "hub:nowhere")


def test_a_namespace_that_enforces_restricted(
    new_namespace: Callable[..., str], new_release: Callable[..., Release]
) -> None:
    release = Release(new_namespace("restricted", level="restricted"))
    try_to_install(release, SMALL)
    doctor_says(release, "qhub-storage", "pod-security.kubernetes.io/enforce=baseline")
    notes = helm("upgrade", release.name, str(CHART), "--namespace", release.namespace, values=SMALL).stdout
    assert "pod-security.kubernetes.io/enforce=baseline" in notes


@pytest.fixture(scope="module")
def running(new_release: Callable[..., Release]) -> Release:
    """A release with cards that can't work."""
    values = f"""{SMALL}
    nowhere: {{displayName: Nowhere, order: 40, image: "localhost/qhub/nowhere:1", cpu: {{limit: 1}}}}
    greedy: {{displayName: Greedy, order: 50, cpu: {{limit: 1}}, memory: {{guarantee: "8Gi", limit: "8Gi"}}}}
"""
    return new_release().install(values)


def ended_with(release: Release, name: str, profile: str) -> str:
    """The sentence that somebody reads whose server does not start."""
    person = release.person(name)
    try:
        person.api("POST", f"/users/{name}/server", {"profile": profile})

        def told() -> str:
            stream = person.http.get(f"/hub/api/users/{name}/server/progress").text
            return stream if '"failed": true' in stream else ""

        return until("the start has failed", told, every=1)
    finally:
        until("no pod is left", lambda: release.server_pod(name) is None)
        release.leave(person)


def test_a_card_whose_image_is_not_there_says_so(running: Release) -> None:
    assert "The image of this card can't be fetched" in ended_with(running, "ann", "nowhere")


def test_a_quota_that_is_too_small_is_named(running: Release) -> None:
    quota = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: small}
spec: {hard: {requests.memory: 4Gi}}
"""
    running.kubectl("apply", "-f", "-", stdin=quota)
    try:
        until("it is counted", lambda: "used" in running.objects("resourcequotas")[0]["status"])
        bob = running.person("bob")
        answer = bob.start({"profile": "greedy"})
        told = answer.json()["message"] if answer.status_code >= 400 else ended_with(running, "bob", "greedy")
        assert "nothing left of what it set aside for servers (memory)" in told, told
        assert running.server_pod("bob") is None
        running.leave(bob)
    finally:
        running.kubectl("delete", "resourcequota", "small")


def test_a_second_release_in_the_same_namespace_is_refused(running: Release) -> None:
    before = {pod["metadata"]["uid"] for pod in running.objects("pods", "component=hub")}
    ended = helm("install", "second", str(CHART), "--namespace", running.namespace, values=SMALL)
    assert ended.returncode != 0
    assert "already has a hub" in ended.stderr
    assert "namespace" in ended.stderr
    assert before == {pod["metadata"]["uid"] for pod in running.objects("pods", "component=hub")}

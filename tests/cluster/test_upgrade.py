"""`helm upgrade`, `helm rollback` and `helm uninstall`, while people work."""

import time
from collections.abc import Callable

import pytest

from tests.cluster.kubernetes import helm, kubectl, until
from tests.cluster.release import Release, typed

CARDS = """
    small: {displayName: Small, cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "2Gi"}}
    medium: null
    share: null
"""
VALUES = f"""
qhub:
  signIn: {{allow: everyone}}
  profiles: {CARDS}
"""
RESTARTING = f"{VALUES}\njupyterhub: {{hub: {{extraEnv: {{CHANGED: '%s'}}}}}}\n"


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A release that these tests upgrade."""
    return new_release().install(VALUES)


def uids(release: Release) -> dict[str, str]:
    """Which pods there are."""
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in release.objects("pods")
        if "deletionTimestamp" not in pod["metadata"]
    }


def server_uid(release: Release, name: str) -> str:
    found: str = (release.server_pod(name) or {})["metadata"]["uid"]
    return found


def test_an_upgrade_that_changes_nothing_restarts_nothing(release: Release) -> None:
    release.upgrade(VALUES)
    ann = release.started("ann", profile="small")
    secret, before = release.secret("qhub.password"), uids(release)
    release.upgrade(VALUES)
    release.upgrade(VALUES)
    assert uids(release) == before
    assert release.secret("qhub.password") == secret
    release.leave(ann)


def test_an_upgrade_that_restarts_the_hub_keeps_servers_and_sign_ins(
    release: Release, figure: Callable[[str, float], None]
) -> None:
    release.upgrade(VALUES)
    bob = release.started("bob", profile="small")
    bob.open_server()
    before, model, password = uids(release), bob.server(), release.password("bob")
    began = time.monotonic()
    release.upgrade(RESTARTING % "once")
    figure("helm upgrade with a new hub → it answers", began)
    after = uids(release)
    assert sorted(uid for uid in before.values() if uid not in after.values()) == [
        uid for name, uid in before.items() if name.startswith("hub-")
    ]
    assert release.password("bob") == password
    assert bob.http.get("/hub/home", follow_redirects=False).status_code == 200, "bob is signed out"
    until("the hub knows the server", lambda: bob.server().get("ready"))
    assert bob.server()["started"] == model["started"]
    assert typed(bob, "whoami") == "bob"
    release.leave(bob)


def test_a_rollback_brings_the_old_values_back_and_keeps_servers(release: Release) -> None:
    release.upgrade(VALUES)
    carl = release.started("carl", profile="small")
    server = server_uid(release, "carl")
    release.upgrade(RESTARTING % "twice")
    assert "twice" in release.kubectl("exec", "deployment/hub", "--", "env")
    ended = helm("rollback", release.name, "--namespace", release.namespace)
    assert ended.returncode == 0, ended.stderr
    release.ready()
    assert "CHANGED" not in release.kubectl("exec", "deployment/hub", "--", "env")
    until("the hub knows the server", lambda: carl.server().get("ready"))
    assert server_uid(release, "carl") == server
    release.leave(carl)


def test_files_and_ids_outlive_removal(new_release: Callable[..., Release]) -> None:
    release = new_release("removal").install(VALUES)
    dora = release.started("dora", profile="small")
    uid = typed(dora, "echo mine > ~/kept; id -u")
    release.leave(dora)
    ended = helm("uninstall", release.name, "--namespace", release.namespace)
    assert ended.returncode == 0, ended.stderr
    assert "qhub-share" in ended.stdout, "nobody is told what stays"
    until("everything else is gone", lambda: not release.objects("pods,services,deployments,secrets"))
    assert {claim["metadata"]["name"] for claim in release.objects("pvc")} == {"qhub-share", "hub-db-dir"}

    release.install(VALUES)
    eve, dora = release.started("eve", profile="small"), release.started("dora", profile="small")
    assert typed(dora, "id -u; cat ~/kept; stat -c %U ~/kept").split() == [uid, "mine", "dora"]
    assert typed(eve, "id -u") != uid
    kubectl("delete", "namespace", release.namespace, "--wait=false")

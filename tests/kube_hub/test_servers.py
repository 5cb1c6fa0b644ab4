"""What people and sites get on a cluster: the planned pod, at once, and their hooks."""

import asyncio
import time
from typing import Any

import pytest


def env_of(pod: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in pod["spec"]["containers"][0]["env"]}


def as_kubernetes_hands_it_on(text: str) -> str:
    return text.replace("$$", "$")


async def test_a_server_is_a_pod_and_stopping_it_leaves_none(hub: Any, fake_kube: Any) -> None:
    assert (await hub.start_server("ann")).status_code == 201
    (pod,) = fake_kube.pods()
    model = await hub.server("ann")
    assert model["ready"]
    assert model["state"]["pod_name"] == pod["metadata"]["name"] == "jupyter-ann"
    assert model["state"]["qhub"]["profile"] == "small"
    assert (await hub.stop_server("ann")).status_code == 204
    assert fake_kube.pods() == []


async def test_every_pod_passes_pod_security_restricted(hub: Any, fake_kube: Any) -> None:
    fake_kube.enforce_pod_security("restricted")
    for options in ({"profile": "small"}, {"profile": "gpu"}, {"profile": "sized", "size": "two"}):
        answer = await hub.start_server("ann", options)
        assert answer.status_code == 201, answer.text
        await hub.stop_server("ann")


async def test_a_site_that_asks_for_privileges_gets_a_restricted_pod_all_the_same(
    kube_hub: Any, fake_kube: Any
) -> None:
    fake_kube.enforce_pod_security("restricted")
    hub = await kube_hub(
        KubeSpawner={
            "privileged": True,
            "uid": 0,
            "fs_gid": 100,
            "allow_privilege_escalation": True,
            "container_security_context": {"runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}},
            "pod_security_context": {"fsGroup": 100, "runAsNonRoot": False},
        }
    )
    answer = await hub.start_server("ann")
    assert answer.status_code == 201, answer.text
    (pod,) = fake_kube.pods()
    assert "fsGroup" not in pod["spec"]["securityContext"]
    assert pod["spec"]["containers"][0]["securityContext"]["runAsUser"] == 120001


async def test_the_pod_is_the_planned_one(hub: Any, fake_kube: Any) -> None:
    await hub.start_server("ann", {"profile": "gpu"})
    (pod,) = fake_kube.pods()
    spec, server = pod["spec"], pod["spec"]["containers"][0]
    assert server["image"] == "registry.example/gpu:1"
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["nodeSelector"] == {"kind": "gpu"}
    assert {toleration["key"] for toleration in spec["tolerations"]} >= {
        "nvidia.com/gpu",
        "hub.jupyter.org/dedicated",
        "hub.jupyter.org_dedicated",
    }
    assert {80001, 80002} <= set(spec["securityContext"]["supplementalGroups"])
    assert spec["automountServiceAccountToken"] is False
    mounts = {mount["mountPath"]: mount.get("subPath") for mount in server["volumeMounts"]}
    assert mounts["/home/ann"] == "home/ann"
    assert mounts["/shared/data"] == "shared/data"
    assert pod["metadata"]["labels"]["qhub/group"].startswith("lab-gpu---")


async def test_names_of_the_person_and_of_their_groups_are_in_the_pod(hub: Any, fake_kube: Any) -> None:
    await hub.start_server("bob")
    await hub.stop_server("bob")
    await hub.start_server("ann")
    (pod,) = fake_kube.pods()
    marks = pod["metadata"]["annotations"]
    assert "ann:x:120001:120001:Ann {Example}:/home/ann:/bin/bash\n" in marks["qhub/passwd"]
    assert "\nbob:x:" in marks["qhub/passwd"]
    assert "data:x:80001:ann,bob\n" in marks["qhub/group"]
    assert "eve" not in marks["qhub/passwd"]


async def test_braces_and_dollars_in_variables_arrive_as_they_were_written(hub: Any, fake_kube: Any) -> None:
    await hub.start_server("ann")
    (pod,) = fake_kube.pods()
    env = env_of(pod)
    assert env["BRACES"] == '{"username": "{username}"}'
    assert as_kubernetes_hands_it_on(env["DOLLARS"]) == "$(HOME) $$"
    assert (env["HOME"], env["USER"], env["MEM_LIMIT"]) == ("/home/ann", "ann", str(2 * 2**30))


async def test_named_servers_have_pods_of_their_own_and_count(hub: Any, fake_kube: Any) -> None:
    assert (await hub.start_server("ann")).status_code == 201
    assert (await hub.start_server("ann", server="second")).status_code == 201
    assert len(fake_kube.pods()) == 2
    assert (await hub.start_server("ann", server="third")).status_code == 403
    await hub.stop_server("ann", "second")
    assert [pod["metadata"]["name"] for pod in fake_kube.pods()] == ["jupyter-ann"]


async def test_a_site_s_settings_and_hooks_still_work(kube_hub: Any, fake_kube: Any) -> None:
    seen: list[str] = []

    async def before(spawner: Any) -> None:
        seen.append(f"before {spawner.plan.profile}")
        spawner.environment["FROM_HOOK"] = "yes"

    def modify(spawner: Any, pod: Any) -> Any:
        seen.append("modify")
        pod.metadata.labels["site"] = "changed"
        return pod

    async def after(spawner: Any, pod: dict[str, Any]) -> None:
        seen.append(f"after {pod['metadata']['name']}")

    hub = await kube_hub(
        KubeSpawner={
            "pre_spawn_hook": before,
            "modify_pod_hook": modify,
            "after_pod_created_hook": after,
            "volumes": {"scratch": {"name": "scratch", "emptyDir": {}}},
            "volume_mounts": {"scratch": {"name": "scratch", "mountPath": "/scratch"}},
            "environment": {"SITE": "{username}"},
            "extra_labels": {"team": "x"},
        }
    )
    answer = await hub.start_server("ann")
    assert answer.status_code == 201, answer.text
    assert seen == ["before small", "modify", "after jupyter-ann"]
    (pod,) = fake_kube.pods()
    assert (pod["metadata"]["labels"]["site"], pod["metadata"]["labels"]["team"]) == ("changed", "x")
    env = env_of(pod)
    assert (env["FROM_HOOK"], env["SITE"], env["HOME"]) == ("yes", "ann", "/home/ann")
    assert "/scratch" in {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}


async def test_group_overrides_act_where_the_plan_says_nothing(kube_hub: Any, fake_kube: Any) -> None:
    overrides = {"more": {"groups": ["data"], "spawner_override": {"environment": {"DATA": "1", "HOME": "/x"}}}}
    hub = await kube_hub(
        KubeSpawner={"group_overrides": overrides}, JupyterHub={"load_groups": {"data": {"users": ["ann"]}}}
    )
    await hub.start_server("ann")
    (pod,) = fake_kube.pods()
    assert (env_of(pod)["DATA"], env_of(pod)["HOME"]) == ("1", "/home/ann")


async def test_folders_are_made_before_the_pod(hub: Any, created: Any) -> None:
    await hub.start_server("ann")
    folders = (hub.state / "folders").read_text().splitlines()
    needed = {mount["subPath"] for mount in created()[0]["spec"]["containers"][0]["volumeMounts"]}
    assert {folder for folder in needed if "/" in folder} <= set(folders)


async def test_a_warm_start_and_a_stop_take_no_longer_than_the_cluster(hub: Any) -> None:
    await hub.start_server("ann")
    await hub.stop_server("ann")
    took = []
    # KubeSpawner's random pauses alone would be more than this, each time; a busy machine is not busy each time.
    while not took or (min(took) >= 0.4 and len(took) < 40):
        begun = time.monotonic()
        await hub.start_server("ann")
        await hub.stop_server("ann")
        took.append(time.monotonic() - begun)
    assert min(took) < 0.4


async def test_many_start_at_once(hub: Any, fake_kube: Any, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"user-{number}" for number in range(30)]
    answers = await asyncio.gather(*(hub.start_server(name) for name in names))
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len(fake_kube.pods()) == 30
    models = [await hub.server(name) for name in names]
    assert all(model["ready"] for model in models)
    # JupyterHub undoes what others have not written down when a request ends.
    assert [model["user_options"] for model in models] == [{"profile": "small"}] * len(names)
    assert "Rolling back" not in caplog.text


@pytest.mark.parametrize(
    "name", ["Ann.Lee@example.org", "ünïcode", "a" * 200, "jupyter-ann", "ann--second"], ids=lambda name: name[:12]
)
async def test_names_that_no_pod_can_have_get_a_pod_of_their_own(hub: Any, fake_kube: Any, name: str) -> None:
    await hub.start_server("ann")
    answer = await hub.start_server(name)
    if answer.status_code == 201:
        assert len({pod["metadata"]["name"] for pod in fake_kube.pods()}) == 2
    else:
        assert answer.status_code in (400, 403, 404)

"""What hub plugins rely on in the Kubernetes API: the same for the fake and for a real cluster.

With QHUB_CONFORMANCE_KUBECONFIG every test runs against that cluster as well, in a namespace of its own.
"""

import asyncio
import copy
import json
import uuid
from typing import Any

import pytest

from tests.kube.conftest import IMAGE, Cluster

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"key": "value"}}


def pod(name: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    one = {"name": "main", "image": IMAGE, **(container or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [one], "terminationGracePeriodSeconds": 1, **spec},
    }


async def test_an_object_is_created_read_listed_replaced_and_deleted(cluster: Cluster) -> None:
    created = await cluster.create("configmaps", config_map("one"))
    assert created["metadata"]["uid"]
    assert created["metadata"]["namespace"] == cluster.namespace
    assert created["metadata"]["creationTimestamp"].endswith("Z")

    status, answer = await cluster.ask("POST", cluster.path("configmaps"), config_map("one"))
    assert (status, answer["reason"], answer["code"]) == (409, "AlreadyExists", 409)
    assert answer["message"] == 'configmaps "one" already exists'

    status, replaced = await cluster.ask("PUT", cluster.path("configmaps", "one"), {**created, "data": {"key": "2"}})
    assert status == 200
    assert int(replaced["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])
    status, answer = await cluster.ask("PUT", cluster.path("configmaps", "one"), {**created, "data": {"key": "3"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert (await cluster.read("configmaps", "one"))["data"] == {"key": "2"}

    status, answer = await cluster.ask("DELETE", cluster.path("configmaps", "one"))
    assert (status, answer["status"], answer["details"]["uid"]) == (200, "Success", created["metadata"]["uid"])
    status, answer = await cluster.ask("GET", cluster.path("configmaps", "one"))
    assert (status, answer["reason"], answer["message"]) == (404, "NotFound", 'configmaps "one" not found')


async def test_items_of_a_list_do_not_say_what_they_are(cluster: Cluster) -> None:
    await cluster.create("configmaps", config_map("one"))
    _, listing = await cluster.ask("GET", cluster.path("configmaps"))
    assert (listing["kind"], listing["apiVersion"]) == ("ConfigMapList", "v1")
    assert {item["metadata"]["name"] for item in listing["items"]} >= {"one"}
    assert not any("kind" in item or "apiVersion" in item for item in listing["items"])


async def test_a_generated_name_begins_as_asked(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}}
    names = {(await cluster.create("configmaps", body))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


UNNAMED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
LIMITED = {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}


@pytest.mark.parametrize(
    ("resource", "body", "status", "reason", "said"),
    [
        pytest.param("configmaps", config_map("Bad_Name"), 422, "Invalid", "a lowercase RFC 1123 subdomain", id="name"),
        pytest.param("configmaps", UNNAMED, 422, "Invalid", "name or generateName is required", id="no-name"),
        pytest.param(
            "configmaps",
            config_map("a", labels={"a": "two words"}),
            422,
            "Invalid",
            "a valid label must be",
            id="label",
        ),
        pytest.param(
            "configmaps", config_map("a", labels={"a": "x" * 64}), 422, "Invalid", "no more than 63 ", id="long-label"
        ),
        pytest.param(
            "configmaps",
            config_map("a", namespace="other"),
            400,
            "BadRequest",
            "does not match the namespace",
            id="place",
        ),
        pytest.param("configmaps", pod("a"), 400, "BadRequest", "cannot be handled as a ConfigMap", id="kind"),
        pytest.param("configmaps", b"{nope", 400, "BadRequest", "couldn't get version/kind", id="no-json"),
        pytest.param("configmaps", b"[]", 400, "BadRequest", "couldn't get version/kind", id="no-object"),
        pytest.param(
            "pods", pod("a", containers=[]), 422, "Invalid", "spec.containers: Required value", id="empty-pod"
        ),
        pytest.param(
            "pods", pod("a", {"image": ""}), 422, "Invalid", "spec.containers[0].image: Required value", id="no-image"
        ),
        pytest.param(
            "pods", pod("a", {"name": "A_"}), 422, "Invalid", "a lowercase RFC 1123 label must", id="container-name"
        ),
        pytest.param(
            "pods", pod("a", LIMITED), 422, "Invalid", "must be less than or equal to cpu limit of 1", id="over-limit"
        ),
        pytest.param(
            "pods",
            pod("a", {"resources": {"requests": {"cpu": "lots"}}}),
            400,
            "BadRequest",
            "quantities must match the regular expression",
            id="quantity",
        ),
        pytest.param(
            "pods", pod("a", restartPolicy="Maybe"), 422, "Invalid", 'Unsupported value: "Maybe"', id="restart-policy"
        ),
        pytest.param(
            "pods",
            pod("a", {"volumeMounts": [{"name": "none", "mountPath": "/x"}]}),
            422,
            "Invalid",
            'spec.containers[0].volumeMounts[0].name: Not found: "none"',
            id="no-such-volume",
        ),
        pytest.param("pods", pod("a", {"env": [{"name": ""}]}), 422, "Invalid", "env[0].name: Required", id="variable"),
        pytest.param(
            "secrets",
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "not base64!"}},
            400,
            "BadRequest",
            "illegal base64 data",
            id="base64",
        ),
    ],
)
async def test_what_breaks_a_rule_is_refused_with_its_sentence(  # noqa: PLR0913 - the columns of the table
    cluster: Cluster, resource: str, body: Any, status: int, reason: str, said: str
) -> None:
    found, answer = await cluster.ask("POST", cluster.path(resource), body)
    assert (found, answer["kind"], answer["status"], answer["reason"]) == (status, "Status", "Failure", reason)
    assert said in answer["message"]
    assert answer["code"] == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/apis/example.org/v1/things", 404),
        ("GET", "/api/v1/namespaces/default/nothings", 404),
        ("POST", "/api/v1/namespaces/default/configmaps/one", 405),
        ("PUT", "/api/v1/namespaces/default/configmaps", 405),
        ("DELETE", "/api/v1/pods", 405),
        ("POST", "/api/v1/namespaces/no-such-namespace/configmaps", 404),
        ("GET", "/api/v1/namespaces/no-such-namespace/configmaps", 200),
    ],
)
async def test_an_address_answers_only_to_its_methods(cluster: Cluster, method: str, path: str, status: int) -> None:
    body = config_map("one") if method in ("POST", "PUT") else None
    assert (await cluster.ask(method, path, body))[0] == status


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=hub", "a b"),
        ("app==hub,tier!=front", "b"),
        ("app!=hub", "c d"),
        ("tier", "a b c"),
        ("!tier", "d"),
        ("tier in (front, back)", "a b"),
        ("tier notin (front),tier", "b c"),
        ("app=hub,tier in (front)", "a"),
        ("size>5", "c"),
        ("size<5", "b"),
        ("tier=", "c"),
    ],
)
async def test_a_label_selector_finds_what_it_says(cluster: Cluster, selector: str, names: str) -> None:
    labels = {
        "a": {"app": "hub", "tier": "front"},
        "b": {"app": "hub", "tier": "back", "size": "1"},
        "c": {"app": "proxy", "tier": "", "size": "10"},
        "d": {},
    }
    for name, its in labels.items():
        await cluster.create("secrets", {"metadata": {"name": name, "labels": its}})
    async with cluster.http.get(cluster.path("secrets"), params={"labelSelector": selector}) as answer:
        found = await answer.json()
    assert " ".join(sorted(item["metadata"]["name"] for item in found["items"])) == names


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"labelSelector": "a b"}, "unable to parse requirement"),
        ({"labelSelector": "a in (b"}, "unable to parse requirement"),
        ({"fieldSelector": "spec.color=red"}, "field label not supported: spec.color"),
        ({"fieldSelector": "name"}, "invalid selector"),
        ({"resourceVersion": "new"}, "invalid resource version"),
    ],
    ids=["words", "bracket", "field", "no-operator", "version"],
)
async def test_a_query_that_means_nothing_is_refused(cluster: Cluster, query: dict[str, str], said: str) -> None:
    async with cluster.http.get(cluster.path("pods"), params=query) as answer:
        assert answer.status == 400
        assert said in (await answer.json())["message"]


async def test_a_field_selector_finds_one_object(cluster: Cluster) -> None:
    for name in ("a", "b"):
        await cluster.create("configmaps", config_map(name))
    _, found = await cluster.ask("GET", f"{cluster.path('configmaps')}?fieldSelector=metadata.name%3Db")
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_a_version_that_is_not_there_yet_is_asked_for_in_vain(cluster: Cluster) -> None:
    path = f"{cluster.path('configmaps')}?resourceVersion=999999999&resourceVersionMatch=NotOlderThan"
    status, answer = await cluster.ask("GET", path)
    assert (status, answer["reason"]) == (504, "Timeout")
    assert answer["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_watch_tells_every_change_once_and_in_order(cluster: Cluster) -> None:
    async with cluster.watch("configmaps", resourceVersion=await cluster.version("configmaps")) as following:
        await cluster.create("configmaps", config_map("one"))
        await cluster.ask("PATCH", cluster.path("configmaps", "one"), {"data": {"key": "2"}}, MERGE)
        await cluster.ask("PATCH", cluster.path("configmaps", "one"), {"data": {"key": "2"}}, MERGE)  # changes nothing
        await cluster.ask("DELETE", cluster.path("configmaps", "one"))
        events = [await following() for _ in range(3)]
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event["object"]["data"]["key"] for event in events] == ["value", "2", "2"]
    assert all(event["object"]["kind"] == "ConfigMap" for event in events)
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


async def test_a_watch_that_comes_late_is_told_what_it_missed(cluster: Cluster) -> None:
    version = await cluster.version("secrets")
    for name in ("a", "b"):
        await cluster.create("secrets", {"metadata": {"name": name}})
    async with cluster.watch("secrets", resourceVersion=version) as following:
        assert [(await following())["object"]["metadata"]["name"] for _ in range(2)] == ["a", "b"]


async def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Cluster) -> None:
    await cluster.create("secrets", {"metadata": {"name": "a"}})
    async with cluster.watch("secrets", fieldSelector="metadata.name=a") as following:
        event = await following()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")


async def test_an_object_that_begins_or_ceases_to_match_comes_and_goes(cluster: Cluster) -> None:
    version = await cluster.version("configmaps")
    async with cluster.watch("configmaps", resourceVersion=version, labelSelector="seen=yes") as following:
        await cluster.create("configmaps", config_map("one"))
        for value in ("yes", "no", "yes"):
            patch = {"metadata": {"labels": {"seen": value}}}
            await cluster.ask("PATCH", cluster.path("configmaps", "one"), patch, MERGE)
        await cluster.ask("PATCH", cluster.path("configmaps", "one"), {"data": {"key": "2"}}, MERGE)
        await cluster.ask("DELETE", cluster.path("configmaps", "one"))
        events = [await following() for _ in range(5)]
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED", "MODIFIED", "DELETED"]


async def test_a_watch_ends_in_time_and_leaves_a_bookmark(cluster: Cluster) -> None:
    query = {"timeoutSeconds": "3", "allowWatchBookmarks": "true", "labelSelector": "nothing=has-it"}
    version = await cluster.version("configmaps")
    events: list[dict[str, Any]] = []
    # A real API server promises none: one that has seen no event since it came up, or is busy, leaves it out.
    for name in ("one", "two", "three"):
        await cluster.create("configmaps", config_map(name))
        async with cluster.http.get(
            cluster.path("configmaps"), params={"watch": "1", "resourceVersion": version, **query}
        ) as answer:
            async with asyncio.timeout(10):
                events = [json.loads(line) for line in (await answer.text()).splitlines()]
        if events or not cluster.real:
            break
    assert events
    assert {event["type"] for event in events} == {"BOOKMARK"}
    assert int(events[-1]["object"]["metadata"]["resourceVersion"]) >= int(version)


async def test_a_merge_patch_sets_removes_and_keeps(cluster: Cluster) -> None:
    await cluster.create("configmaps", {**config_map("one"), "data": {"a": "1", "b": "2"}})
    patch = {"metadata": {"labels": {"new": "yes"}}, "data": {"a": None, "c": "3"}}
    status, patched = await cluster.ask("PATCH", cluster.path("configmaps", "one"), patch, MERGE)
    assert (status, patched["data"], patched["metadata"]["labels"]) == (200, {"b": "2", "c": "3"}, {"new": "yes"})

    stale = {"metadata": {"resourceVersion": "1"}, "data": {"b": "9"}}
    assert (await cluster.ask("PATCH", cluster.path("configmaps", "one"), stale, MERGE))[0] == 409
    assert (await cluster.ask("PATCH", cluster.path("configmaps", "none"), patch, MERGE))[0] == 404
    assert (await cluster.ask("PATCH", cluster.path("configmaps", "one"), patch))[0] == 415
    assert (await cluster.ask("PATCH", cluster.path("configmaps", "one"), [], MERGE))[0] == 400


async def test_a_strategic_patch_merges_containers_by_their_name(cluster: Cluster) -> None:
    quiet = pod("two", nodeSelector={"no": "node"})
    quiet["spec"]["containers"].append({"name": "side", "image": IMAGE, "env": [{"name": "A", "value": "1"}]})
    await cluster.create("pods", quiet)
    patch = {"spec": {"containers": [{"name": "side", "image": "example.org/other:1"}]}}
    status, patched = await cluster.ask("PATCH", cluster.path("pods", "two"), patch, STRATEGIC)
    assert status == 200, patched
    images = {each["name"]: each["image"] for each in patched["spec"]["containers"]}
    assert images == {"main": IMAGE, "side": "example.org/other:1"}
    side = next(each for each in patched["spec"]["containers"] if each["name"] == "side")
    assert side["env"] == [{"name": "A", "value": "1"}]


async def test_a_pod_is_what_it_was_created_as(cluster: Cluster) -> None:
    await cluster.create("pods", pod("one"))
    patch = {"spec": {"hostNetwork": True}}
    status, answer = await cluster.ask("PATCH", cluster.path("pods", "one"), patch, MERGE)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert "pod updates may not change fields other than" in answer["message"]


async def test_status_is_written_by_its_own_address_only(cluster: Cluster) -> None:
    await cluster.create("pods", pod("one", nodeSelector={"no": "node"}))
    await cluster.ask("PATCH", cluster.path("pods", "one"), {"status": {"message": "by the wrong door"}}, MERGE)
    assert "by the wrong door" not in json.dumps(await cluster.read("pods", "one"))
    patch = {"status": {"message": "by the right one"}, "metadata": {"labels": {"not": "here"}}}
    status, _ = await cluster.ask("PATCH", cluster.path("pods", "one") + "/status", patch, MERGE)
    assert status == 200
    assert (await cluster.read("pods", "one"))["status"]["message"] == "by the right one"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (0.5, "500m"),
        ("1000m", "1"),
        ("0.5Gi", "512Mi"),
        ("1024Mi", "1Gi"),
        (2_000_000_000, "2G"),
        (1073741824, "1073741824"),
        ("1500M", "1500M"),
    ],
    ids=str,
)
async def test_an_amount_is_given_back_in_its_shortest_form(cluster: Cluster, written: Any, kept: str) -> None:
    created = await cluster.create("pods", pod("one", {"resources": {"limits": {"memory": written}}}))
    resources = created["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"memory": kept}, "requests": {"memory": kept}}


async def test_a_pod_gets_defaults_runs_and_has_events(cluster: Cluster) -> None:
    created = await cluster.create("pods", pod("one"))
    spec = created["spec"]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["serviceAccountName"]) == (
        "Always",
        "ClusterFirst",
        "default",
    )
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert (created["status"]["phase"], created["status"]["qosClass"]) == ("Pending", "BestEffort")

    async def running() -> Any:
        found = await cluster.read("pods", "one")
        return found if found["status"]["phase"] == "Running" else None

    status = (await cluster.until(running))["status"]
    assert status["podIP"]
    assert status["startTime"]
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert {name: conditions[name] for name in ("PodScheduled", "Initialized", "Ready", "ContainersReady")} == {
        "PodScheduled": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
    }
    container = status["containerStatuses"][0]
    assert (container["name"], container["ready"], container["restartCount"]) == ("main", True, 0)
    assert "running" in container["state"]

    async def started() -> Any:
        path = f"{cluster.path('events')}?fieldSelector=involvedObject.kind%3DPod,involvedObject.name%3Done"
        events = (await cluster.ask("GET", path))[1]["items"]
        return events if {"Scheduled", "Started"} <= {event["reason"] for event in events} else None

    for event in await cluster.until(started):
        assert event["involvedObject"]["uid"] == created["metadata"]["uid"]
        assert event["type"] == "Normal"


async def test_a_running_pod_is_given_time_and_then_is_gone(cluster: Cluster) -> None:
    await cluster.create("pods", pod("one"))

    async def running() -> bool:
        return (await cluster.read("pods", "one"))["status"]["phase"] == "Running"

    await cluster.until(running)
    version = await cluster.version("pods")
    async with cluster.watch("pods", resourceVersion=version) as following:
        status, going = await cluster.ask("DELETE", cluster.path("pods", "one"))
        assert (status, going["kind"]) == (200, "Pod")
        assert going["metadata"]["deletionGracePeriodSeconds"] == 1
        events = [await following()]
        while events[-1]["type"] != "DELETED":
            events.append(await following())
    assert events[0]["type"] == "MODIFIED"
    assert all("deletionTimestamp" in event["object"]["metadata"] for event in events)
    assert {event["type"] for event in events[:-1]} == {"MODIFIED"}


async def test_a_pod_that_has_no_node_or_no_grace_goes_at_once(cluster: Cluster) -> None:
    await cluster.create("pods", pod("waits", schedulerName="nobody", nodeSelector={"no": "node"}))
    await cluster.create("pods", pod("forced"))
    await cluster.ask("DELETE", f"{cluster.path('pods', 'forced')}?gracePeriodSeconds=0")
    assert (await cluster.ask("GET", cluster.path("pods", "forced")))[0] == 404
    await cluster.ask("DELETE", cluster.path("pods", "waits"), {"gracePeriodSeconds": 0})
    assert (await cluster.ask("GET", cluster.path("pods", "waits")))[0] == 404


async def test_a_deletion_may_be_meant_for_one_very_object(cluster: Cluster) -> None:
    created = await cluster.create("configmaps", config_map("one"))
    path = cluster.path("configmaps", "one")
    status, answer = await cluster.ask("DELETE", path, {"preconditions": {"uid": "another"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert "UID in the precondition (another) does not match" in answer["message"]
    status, _ = await cluster.ask("DELETE", path, {"preconditions": {"uid": created["metadata"]["uid"]}})
    assert status == 200


async def test_what_an_object_owns_goes_with_it(cluster: Cluster) -> None:
    owner = await cluster.create("configmaps", config_map("owner"))
    second = await cluster.create("configmaps", config_map("second"))
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"]}
        for each in (owner, second)
    ]
    await cluster.create("secrets", {"metadata": {"name": "owned", "ownerReferences": references[:1]}})
    await cluster.create("secrets", {"metadata": {"name": "shared", "ownerReferences": references}})
    await cluster.ask("DELETE", cluster.path("configmaps", "owner"))
    await cluster.gone("secrets", "owned")
    await cluster.read("secrets", "shared")
    await cluster.ask("DELETE", cluster.path("configmaps", "second"))
    await cluster.gone("secrets", "shared")


@pytest.mark.parametrize(("policy", "stays"), [("Orphan", True), ("Foreground", False)])
async def test_a_deletion_says_what_happens_to_the_owned(cluster: Cluster, policy: str, stays: bool) -> None:
    owner = await cluster.create("configmaps", config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    references = [{**reference, "blockOwnerDeletion": True}]
    await cluster.create("secrets", {"metadata": {"name": "owned", "ownerReferences": references}})
    await cluster.ask("DELETE", cluster.path("configmaps", "owner"), {"propagationPolicy": policy})
    await cluster.gone("configmaps", "owner")
    if stays:
        assert not (await cluster.read("secrets", "owned"))["metadata"].get("ownerReferences")
    else:
        await cluster.gone("secrets", "owned")


async def test_an_object_whose_owner_never_was_goes(cluster: Cluster) -> None:
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "nobody",
        "uid": str(uuid.uuid4()),
    }
    await cluster.create("secrets", {"metadata": {"name": "orphan", "ownerReferences": [reference]}})
    await cluster.gone("secrets", "orphan")


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(cluster: Cluster) -> None:
    await cluster.create("configmaps", config_map("held", finalizers=["example.org/hold"]))
    status, answer = await cluster.ask("DELETE", cluster.path("configmaps", "held"))
    assert (status, answer["kind"]) == (200, "ConfigMap")
    assert "deletionTimestamp" in (await cluster.read("configmaps", "held"))["metadata"]
    patch = {"metadata": {"finalizers": None}}
    assert (await cluster.ask("PATCH", cluster.path("configmaps", "held"), patch, MERGE))[0] == 200
    await cluster.gone("configmaps", "held")


async def test_a_collection_is_deleted_by_selector(cluster: Cluster) -> None:
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue")):
        await cluster.create("configmaps", config_map(name, labels={"colour": colour}))
    status, answer = await cluster.ask("DELETE", f"{cluster.path('configmaps')}?labelSelector=colour%3Dred")
    assert (status, answer["kind"]) == (200, "ConfigMapList")
    _, left = await cluster.ask("GET", f"{cluster.path('configmaps')}?labelSelector=colour")
    assert [item["metadata"]["name"] for item in left["items"]] == ["c"]


async def test_a_claim_is_bound_for_a_pod_and_stays_as_long_as_the_pod(cluster: Cluster) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "home"}, "spec": spec}
    created = await cluster.create("persistentvolumeclaims", claim)
    assert created["status"]["phase"] == "Pending"
    assert created["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    volume = {"name": "home", "persistentVolumeClaim": {"claimName": "home"}}
    mount = {"volumeMounts": [{"name": "home", "mountPath": "/home"}]}
    await cluster.create("pods", pod("one", mount, volumes=[volume]))

    async def running() -> bool:
        return (await cluster.read("pods", "one"))["status"]["phase"] == "Running"

    await cluster.until(running)
    assert (await cluster.read("persistentvolumeclaims", "home"))["status"]["phase"] == "Bound"
    status, answer = await cluster.ask("DELETE", cluster.path("persistentvolumeclaims", "home"))
    assert (status, answer["kind"]) == (200, "PersistentVolumeClaim")
    assert "deletionTimestamp" in (await cluster.read("persistentvolumeclaims", "home"))["metadata"]
    await cluster.ask("DELETE", cluster.path("pods", "one"))
    await cluster.gone("persistentvolumeclaims", "home")


async def test_plain_text_of_a_secret_is_kept_encoded(cluster: Cluster) -> None:
    created = await cluster.create("secrets", {"metadata": {"name": "one"}, "stringData": {"key": "b"}})
    assert (created["type"], created["data"]) == ("Opaque", {"key": "Yg=="})
    assert "stringData" not in created


async def test_a_service_gets_an_address_inside_the_cluster(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    spec = (await cluster.create("services", body))["spec"]
    assert spec["type"] == "ClusterIP"
    assert spec["clusterIP"].count(".") == 3
    assert spec["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]


SIZED = {"resources": {"requests": {"memory": "512Mi"}}}


@pytest.mark.parametrize(
    ("hard", "first", "second", "said"),
    [
        pytest.param(
            {"pods": "1"},
            pod("one"),
            pod("two"),
            'pods "two" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
            id="pods",
        ),
        pytest.param(
            {"requests.memory": "1Gi"},
            pod("one", SIZED),
            pod("two", {"resources": {"requests": {"memory": "768Mi"}}}),
            'pods "two" is forbidden: exceeded quota: q, requested: requests.memory=768Mi, '
            "used: requests.memory=512Mi, limited: requests.memory=1Gi",
            id="memory",
        ),
        pytest.param(
            {"requests.cpu": "1", "pods": "5"},
            pod("one", {"resources": {"requests": {"cpu": "500m"}}}),
            pod("two", {"resources": {"requests": {"cpu": "700m"}}}),
            'pods "two" is forbidden: exceeded quota: q, requested: requests.cpu=700m, used: requests.cpu=500m, '
            "limited: requests.cpu=1",
            id="cpu",
        ),
        pytest.param(
            {"requests.memory": "1Gi"},
            pod("one", SIZED),
            pod("two"),
            'pods "two" is forbidden: failed quota: q: must specify requests.memory for: main',
            id="unsaid",
        ),
    ],
)
async def test_a_quota_refuses_what_is_too_much(
    cluster: Cluster, hard: dict[str, str], first: dict[str, Any], second: dict[str, Any], said: str
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}
    await cluster.create("resourcequotas", quota)

    async def counted() -> bool:
        return "used" in (await cluster.read("resourcequotas", "q"))["status"]

    await cluster.until(counted)
    await cluster.create("pods", first)
    status, answer = await cluster.ask("POST", cluster.path("pods"), second)
    assert (status, answer["reason"], answer["message"]) == (403, "Forbidden", said)
    # What has gone does not count.
    await cluster.ask("DELETE", f"{cluster.path('pods', 'one')}?gracePeriodSeconds=0")
    if "must specify" not in said:

        async def fits() -> bool:
            return (await cluster.ask("POST", cluster.path("pods"), second))[0] == 201

        await cluster.until(fits)


HOST_PATH = {"name": "v", "hostPath": {"path": "/"}}
NFS = {"name": "n", "nfs": {"server": "192.0.2.1", "path": "/"}}
SAFE: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": IMAGE,
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def spec_with(change: dict[str, Any]) -> dict[str, Any]:
    """A safe pod spec, but for this."""
    spec = copy.deepcopy(SAFE)
    container = spec["containers"][0]
    spec["securityContext"] |= change.get("pod", {})
    container["securityContext"] |= change.get("container", {})
    container |= change.get("fields", {})
    return spec | change.get("spec", {})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({}, "", id="safe"),
        pytest.param({"container": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}, "", id="bind"),
        pytest.param(
            {"pod": {"seccompProfile": None}, "container": {"seccompProfile": {"type": "RuntimeDefault"}}},
            "",
            id="seccomp-of-container",
        ),
        pytest.param(
            {"spec": {"hostNetwork": True, "hostPID": True}},
            "host namespaces (hostNetwork=true, hostPID=true)",
            id="host-namespaces",
        ),
        pytest.param(
            {"spec": {"volumes": [HOST_PATH, NFS]}},
            'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
            id="volumes",
        ),
        pytest.param(
            {"fields": {"ports": [{"containerPort": 80, "hostPort": 80}]}},
            'hostPort (container "c" uses hostPort 80)',
            id="host-port",
        ),
        pytest.param(
            {"container": {"capabilities": {"add": ["NET_ADMIN"]}}},
            'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; '
            'container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
            id="capabilities",
        ),
        pytest.param(
            {"container": {"allowPrivilegeEscalation": None}},
            'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
            id="escalation",
        ),
        pytest.param(
            {"pod": {"runAsNonRoot": None}},
            'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
            id="root-by-default",
        ),
        pytest.param(
            {"pod": {"runAsNonRoot": False}, "container": {"runAsNonRoot": False}},
            'runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false)',
            id="root-wanted",
        ),
        pytest.param(
            {"pod": {"runAsUser": 0}, "container": {"runAsUser": 0}},
            'runAsUser=0 (pod and container "c" must not set runAsUser=0)',
            id="root-user",
        ),
        pytest.param(
            {"pod": {"seccompProfile": {"type": "Unconfined"}}},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
            id="unconfined",
        ),
        pytest.param(
            {"pod": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "forbidden sysctls (kernel.msgmax)",
            id="sysctl",
        ),
        pytest.param(
            {"container": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
            'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; '
            "user may not be set)",
            id="selinux",
        ),
        pytest.param(
            {"container": {"appArmorProfile": {"type": "Unconfined"}}},
            'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
            id="apparmor",
        ),
        pytest.param(
            {"fields": {"livenessProbe": {"httpGet": {"host": "192.0.2.1", "port": 80}}}},
            'probe or lifecycle host (container "c" uses probe or lifecycle host "192.0.2.1")',
            id="probe",
        ),
    ],
)
async def test_pod_security_restricted_refuses_with_its_sentence(
    cluster: Cluster, change: dict[str, Any], said: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    path = f"/api/v1/namespaces/{cluster.namespace}"
    assert (await cluster.ask("PATCH", path, {"metadata": {"labels": labels}}, MERGE))[0] == 200
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec_with(change)}

    async def decided() -> Any:
        status, answer = await cluster.ask("POST", cluster.path("pods"), body)
        if status == 201 and said:  # a real cluster takes a moment to notice the label
            await cluster.ask("DELETE", f"{cluster.path('pods', 'one')}?gracePeriodSeconds=0")
            return None
        return status, answer

    status, answer = await cluster.until(decided)
    if said:
        assert (status, answer["reason"]) == (403, "Forbidden")
        assert answer["message"] == f'pods "one" is forbidden: violates PodSecurity "restricted:latest": {said}'
    else:
        assert status == 201, answer


async def test_a_namespace_takes_all_that_is_in_it_along(cluster: Cluster) -> None:
    await cluster.create("configmaps", config_map("held", finalizers=["example.org/hold"]))
    path = f"/api/v1/namespaces/{cluster.namespace}"
    status, answer = await cluster.ask("DELETE", path)
    assert (status, answer["status"]["phase"]) == (200, "Terminating")
    status, answer = await cluster.ask("POST", cluster.path("configmaps"), config_map("late"))
    assert (status, answer["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")

    async def going() -> bool:
        return "deletionTimestamp" in (await cluster.read("configmaps", "held"))["metadata"]

    await cluster.until(going)
    await cluster.ask("PATCH", cluster.path("configmaps", "held"), {"metadata": {"finalizers": None}}, MERGE)

    async def gone() -> bool:
        return (await cluster.ask("GET", path))[0] == 404

    await cluster.until(gone)

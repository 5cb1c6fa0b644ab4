"""conda-store in the chart: in the builder's place, reached by the proxy, and with keys only where they are used."""

from typing import Any

import pytest

from tests.chart.conftest import CHART
from tests.chart.policies import End, allowed, pod

DEPLOYMENT = "qhub-environments"
TOKEN, KEY = "hub.services.conda-store.apiToken", "qhub.condaStoreKey"
PROVIDER = "qhub: {environments: {provider: conda-store}}"


def spec(manifests) -> dict[str, Any]:
    return manifests.get("Deployment", DEPLOYMENT)["spec"]["template"]["spec"]


def containers(manifests) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in spec(manifests)["containers"]}


def keys_of(manifests, container: str) -> set[str]:
    """Keys of Secrets that a container sees."""
    volumes = {each["name"]: each for each in spec(manifests)["volumes"]}
    mounted = [volumes[mount["name"]] for mount in containers(manifests)[container]["volumeMounts"]]
    return {item["key"] for volume in mounted for item in volume.get("secret", {}).get("items", ())}


def test_without_it_nothing_of_it_is_there(render) -> None:
    manifests = render()
    assert list(containers(manifests)) == ["environments"]
    assert "qhub-conda-store" not in manifests.names("Service")


def test_there_is_never_a_second_builder(render) -> None:
    manifests = render("conda-store")
    assert list(containers(manifests)) == ["environments", "server", "worker"]
    assert manifests.get("Deployment", DEPLOYMENT)["spec"]["strategy"] == {"type": "Recreate"}
    assert spec(manifests)["securityContext"]["runAsUser"] == spec(manifests)["securityContext"]["runAsGroup"] == 65533
    assert spec(manifests)["automountServiceAccountToken"] is False


def test_its_image_is_ours_and_can_be_another(render) -> None:
    assert containers(render("conda-store"))["worker"]["image"] == "localhost/qhub/conda-store:0.1.0.dev0"
    other = render(values=f"{PROVIDER}\nconda-store: {{image: {{name: registry.example.org/own, tag: '7'}}}}")
    assert {containers(other)[name]["image"] for name in ("server", "worker")} == {"registry.example.org/own:7"}


def test_the_container_in_which_programs_of_packages_run_has_no_key(render) -> None:
    manifests = render("conda-store")
    assert keys_of(manifests, "server") == {TOKEN, KEY}
    assert keys_of(manifests, "environments") == {KEY}
    assert keys_of(manifests, "worker") == set()
    assert {TOKEN, KEY} <= manifests.secret("hub").keys()
    told = {
        name: next(mount for mount in one["volumeMounts"] if mount["name"] == "told").get("readOnly", False)
        for name, one in containers(manifests).items()
    }
    assert told == {"environments": False, "server": True, "worker": True}


def test_keys_come_from_the_administrators_own_secret_where_there_is_one(render) -> None:
    manifests = render("existing-secret", values=PROVIDER)
    names = {volume["secret"]["secretName"] for volume in spec(manifests)["volumes"] if "secret" in volume}
    assert names == {"qhub-keys"}


def test_a_missing_key_is_told_by_whoever_reads_it(render) -> None:
    volumes = [volume["secret"] for volume in spec(render("conda-store"))["volumes"] if "secret" in volume]
    named = [secret for secret in volumes if {item["key"] for item in secret.get("items", ())} & {TOKEN, KEY}]
    # With one that must be there, the pod would stay in ContainerCreating.
    assert [secret.get("optional") for secret in named] == [True, True]


def test_no_two_containers_share_a_folder_but_the_environments_and_the_values(render) -> None:
    mounts = [mount["name"] for one in containers(render("conda-store")).values() for mount in one["volumeMounts"]]
    assert {name for name in mounts if mounts.count(name) > 1} == {"share", "told"}


def test_the_values_reach_the_container_that_builds(render) -> None:
    found = containers(render("conda-store"))
    assert found["worker"]["resources"] == {
        "requests": {"cpu": "100m", "memory": "1Gi"},
        "limits": {"cpu": 2, "memory": "8Gi"},
    }
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in found["worker"]["env"]
    assert "3128" not in str(found["server"]) + str(found["environments"])
    assert spec(render("conda-store"))["nodeSelector"] == {"example.org/pool": "builds"}


def test_all_parts_know_below_which_path_people_see_the_hub(render) -> None:
    found = containers(render("conda-store"))
    for one in found.values():
        assert {"name": "JUPYTERHUB_BASE_URL", "value": "/lab/"} in one["env"]
    assert {"name": "QHUB_HUB_API_URL", "value": "http://hub:8081/lab/hub/api"} in found["server"]["env"]
    assert found["server"]["readinessProbe"]["httpGet"]["path"] == "/lab/services/conda-store/favicon.ico"
    (hub,) = render("conda-store").get("Deployment", "hub")["spec"]["template"]["spec"]["containers"]
    url = next(entry["value"] for entry in hub["env"] if entry["name"] == "QHUB_CONDA_STORE_URL")
    assert url == "http://qhub-conda-store:8103"
    service = render("conda-store").get("Service", "qhub-conda-store")["spec"]
    assert (service["ports"][0]["port"], service["selector"]["component"]) == (8103, "environments")


def test_it_can_be_left_out(render) -> None:
    manifests = render(values="qhub: {environments: {provider: conda-store, builder: {enabled: false}}}")
    assert not {DEPLOYMENT, "qhub-conda-store"} & {each["metadata"]["name"] for each in manifests.objects}


def test_an_unknown_setting_is_refused(helm) -> None:
    refused = helm("template", "qhub", str(CHART), "--set", "conda-store.replicas=2")
    assert refused.returncode != 0
    assert "replicas" in refused.stderr


EDGES = """
    proxy        conda-store  8103  open
    conda-store  hub          8081  open
    conda-store  names        53    open
    conda-store  internet     443   open
    conda-store  stated       443   open
    server       conda-store  8103  closed
    hub          conda-store  8103  closed
    storage      conda-store  8103  closed
    internet     conda-store  8103  closed
    conda-store  proxy        8001  closed
    conda-store  storage      8102  closed
    conda-store  server       8888  closed
    conda-store  private      443   closed
    conda-store  metadata     80    closed
"""


@pytest.mark.parametrize("edge", EDGES.split("\n")[1:-1], ids=lambda line: "-".join(line.split()))
def test_it_reaches_the_hub_and_channels_and_the_proxy_reaches_it(render, edge: str) -> None:
    manifests = render("conda-store")
    ends = {
        "conda-store": pod(manifests, DEPLOYMENT),
        "hub": pod(manifests, "hub"),
        "proxy": pod(manifests, "proxy"),
        "storage": pod(manifests, "qhub-storage"),
        "server": End(labels={"app": "jupyterhub", "component": "singleuser-server", "release": "qhub"}),
        "names": End(namespace="kube-system", labels={"k8s-app": "kube-dns"}),
        "internet": End(address="203.0.113.7"),
        "stated": End(address="10.20.4.5"),
        "private": End(address="10.30.4.5"),
        "metadata": End(address="169.254.169.254"),
    }
    source, target, port, wanted = edge.split()
    assert allowed(manifests, ends[source], ends[target], int(port)) is (wanted == "open")

"""The builder of environments: alone, without rights, and told no more than it has to know."""

import pytest
import yaml

from qhub_hub.config import load
from tests.chart.policies import End, allowed, pod

SECRET = """
qhub:
  signIn: {provider: github, github: {clientId: id, clientSecret: very-secret}, allow: everyone}
  users: {ann: {displayName: Ann Lee, admin: true}}
  groups: {data: {members: [ann]}}
  environments:
    namespaces: {geo: {allowedGroups: [data]}}
    declared: {geo/one: {dependencies: [gdal]}}
    builder: {memory: 8Gi, networks: [10.20.0.0/16], variables: {HTTPS_PROXY: "http://proxy:3128"}}
"""


def container(manifests) -> dict:
    (found,) = manifests.get("Deployment", "qhub-environments")["spec"]["template"]["spec"]["containers"]
    return found


def test_it_sees_one_folder_of_the_share_at_the_path_that_servers_see(render) -> None:
    mounts = {each["name"]: each for each in container(render())["volumeMounts"]}
    assert mounts["share"] == {"name": "share", "mountPath": "/home/conda", "subPath": "environments"}
    spec = render().get("Deployment", "qhub-environments")["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert set(volumes) == {"share", "values", "tmp"}
    assert not any("secret" in each for each in volumes.values())
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 65533


def test_it_is_told_which_environments_and_no_secret(render) -> None:
    text = render(values=SECRET).get("ConfigMap", "qhub-environments")["data"]["qhub.yaml"]
    assert "very-secret" not in text
    assert "Ann Lee" not in text
    told = yaml.safe_load(text)["qhub"]
    assert set(told) == {"environments", "groups", "users"}
    assert told["environments"]["declared"] == {"geo/one": {"dependencies": ["gdal"]}}


def test_what_it_is_told_are_values_that_it_accepts(render, tmp_path) -> None:
    for values in ("", SECRET):
        path = tmp_path / "qhub.yaml"
        path.write_text(render(values=values).get("ConfigMap", "qhub-environments")["data"]["qhub.yaml"])
        load(path, defaults=False)


def test_the_values_give_it_memory_and_variables(render) -> None:
    found = container(render(values=SECRET))
    assert found["resources"]["limits"] == {"memory": "8Gi"}
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in found["env"]


@pytest.mark.parametrize(
    ("target", "port", "open_"),
    [
        (End(address="203.0.113.7"), 443, True),
        (End(address="10.20.3.4"), 443, True),
        (End(address="10.30.3.4"), 443, False),
        (End(address="169.254.169.254"), 80, False),
        (End(namespace="kube-system", labels={"k8s-app": "kube-dns"}), 53, True),
    ],
    ids=["internet", "mirror inside", "other private", "metadata", "names"],
)
def test_it_reaches_channels_and_nothing_else(render, target: End, port: int, open_: bool) -> None:
    manifests = render(values=SECRET)
    assert allowed(manifests, pod(manifests, "qhub-environments"), target, port) is open_


def test_nobody_reaches_it_and_it_reaches_no_part_of_qhub(render) -> None:
    manifests = render()
    builder = pod(manifests, "qhub-environments")
    for name, port in (("hub", 8081), ("proxy", 8001), ("qhub-storage", 8102)):
        assert not allowed(manifests, builder, pod(manifests, name), port)
        assert not allowed(manifests, pod(manifests, name), builder, port)


def test_it_can_be_left_out(render) -> None:
    manifests = render(values="qhub: {environments: {builder: {enabled: false}}}")
    assert "qhub-environments" not in {each["metadata"]["name"] for each in manifests.objects}


def test_a_claim_of_the_administrators_holds_environments_too(render) -> None:
    manifests = render(values="qhub: {storage: {claim: {existing: team-files}}}")
    volumes = manifests.get("Deployment", "qhub-environments")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["persistentVolumeClaim"]["claimName"] == "team-files"

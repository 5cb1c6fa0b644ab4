"""`qhub backup`, the namespace destroyed, `qhub restore`: the same people with the same ids and files."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.kubernetes import kubectl, ran, until
from tests.cluster.release import Release, qhub, typed

VALUES = """
qhub:
  signIn: {allow: everyone}
  groups:
    lab: {members: [ann, bob]}
  profiles:
    small: {displayName: Small, cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "2Gi"}}
    medium: null
    share: null
"""


class Volume:
    """The volume of people's files, which must outlive the namespace as it would at a cloud's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _patch(self, change: dict[str, Any]) -> None:
        kubectl("patch", "pv", self.name, "--type=merge", f"--patch={json.dumps(change)}")

    def retain(self) -> None:
        """Keep it when its claim goes, also where the provider would see to that itself."""
        self._patch(
            {
                "metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": None}},
                "spec": {"persistentVolumeReclaimPolicy": "Retain"},
            }
        )

    def give_to(self, namespace: str) -> None:
        """Let the claim of a release to come have it, and nobody else's."""
        until("its old claim is gone", lambda: self._phase() in ("Released", "Failed"))
        self._patch({"spec": {"claimRef": None}})
        self._patch({"spec": {"claimRef": {"namespace": namespace, "name": "qhub-share"}}})

    def _phase(self) -> str:
        return kubectl("get", "pv", self.name, "-o", "jsonpath={.status.phase}")

    def drop(self) -> None:
        """Leave nothing behind on the cluster."""
        ran("kubectl", "delete", "pv", self.name, "--ignore-not-found", "--wait=false")


@pytest.fixture
def volumes() -> Iterator[list[Volume]]:
    """Volumes that are dropped at the end."""
    volumes: list[Volume] = []
    yield volumes
    for volume in volumes:
        volume.drop()


def test_people_come_back_with_their_ids_files_and_passwords(
    new_release: Callable[..., Release],
    volumes: list[Volume],
    tmp_path: Path,
    figure: Callable[[str, float], None],
) -> None:
    release = new_release().install(VALUES)
    ids = {}
    for name in ("zoe", "ann", "bob"):  # in an order that a fresh hub would not number them in again
        person = release.started(name, profile="small")
        ids[name] = typed(person, f"echo of {name} > ~/mine; id")
        if name != "bob":  # whose server runs while the backup is made, as some always do
            release.leave(person)
    (claim,) = [one for one in release.objects("pvc") if one["metadata"]["name"] == "qhub-share"]
    volume = Volume(claim["spec"]["volumeName"])
    volumes.append(volume)
    archive = tmp_path / "backup.tar.gz"
    ended = qhub("backup", "--namespace", release.namespace, str(archive))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    password = release.password("ann")

    volume.retain()
    release.close()
    kubectl("delete", "namespace", release.namespace, "--wait=true", timeout=180)

    volume.give_to(release.namespace)
    began = time.monotonic()
    kubectl("create", "namespace", release.namespace)
    release.install(VALUES)
    ann = release.person("ann")
    refused = ann.start({"profile": "small"})
    assert refused.status_code == 503, "a hub that knows none of the ids gave out some of its own"
    release.leave(ann)
    ended = qhub("restore", "--namespace", release.namespace, str(archive))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    release.ready()
    figure("empty namespace → installed and restored", began)
    assert release.password("ann") == password
    for name in ("ann", "bob", "zoe"):
        person = release.started(name, profile="small")
        assert typed(person, "id") == ids[name]
        assert typed(person, "cat ~/mine; stat -c %U ~/mine").splitlines() == [f"of {name}", name]
        release.leave(person)

"""Somebody in three hundred groups with names of every kind gets a pod with all of them."""

from typing import Any

import yaml

from .conftest import TEAM

GROUPS = [f"/acme/dept.{number}/Äpfel und Öl {number}" for number in range(200)]
GROUPS += [f"lab.{number}/東京" for number in range(100)]


async def test_three_hundred_groups_of_every_kind_are_in_the_pod(kube_hub: Any, fake_kube: Any, tmp_path: Any) -> None:
    values = yaml.safe_load(TEAM)
    values["qhub"]["groups"] |= {name: {"members": ["eve"]} for name in GROUPS}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))
    fake_kube.enforce_pod_security("restricted")
    hub = await kube_hub()
    answer = await hub.start_server("eve")
    assert answer.status_code == 201, answer.text

    (pod,) = fake_kube.pods()
    numbers = pod["spec"]["securityContext"]["supplementalGroups"]
    assert len(set(numbers)) == len(numbers) >= 300
    lines = [line.split(":") for line in pod["metadata"]["annotations"]["qhub/group"].splitlines()]
    names = {int(number): name for name, _, number, members in lines if "eve" in members.split(",")}
    assert set(numbers) <= names.keys() | {int(number) for _, _, number, _ in lines}
    assert len(set(names.values())) == len(names) >= 300, "two groups share a name"
    folders = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert len(set(folders)) == len(folders), "two groups share a folder"
    assert not [path for path in folders if "/../" in path or path.endswith("/..")]

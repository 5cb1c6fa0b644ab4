"""The plugin on a real JupyterHub and a fake cluster: the fixtures come from QHub's pytest plugin."""

import pytest

from cost_centre_spawner import LABEL, CostCentreSpawner

CONFIG = {"CostCentreSpawner": {"cost_centres": {"physics": "cc-4711", "zoology": "cc-12"}}}


@pytest.mark.parametrize(
    ("groups", "centre"), [(["physics"], "cc-4711"), (["zoology", "physics"], "cc-4711"), (["art", "zoology"], "cc-12")]
)
async def test_a_pod_carries_the_cost_centre_of_its_owner(hub, groups, centre):
    running = await hub(CostCentreSpawner, CONFIG)
    await running.add_user("ann", groups=groups)
    assert (await running.start("ann")).status == 201
    assert running.pod("ann")["metadata"]["labels"][LABEL] == centre


async def test_who_has_no_cost_centre_starts_nothing_and_is_told_why(hub, fake_kube):
    running = await hub(CostCentreSpawner, CONFIG)
    answer = await running.start("eve")
    assert answer.status == 403
    assert "No cost centre pays for eve" in answer.message
    assert fake_kube.pods() == []


async def test_a_group_without_a_quota_left_starts_nothing(hub, fake_kube):
    fake_kube.limit({"pods": 0})
    running = await hub(CostCentreSpawner, CONFIG)
    await running.add_user("ann", groups=["physics"])
    assert (await running.start("ann")).status == 500
    assert fake_kube.pods() == []


async def test_somebody_signs_in_and_starts_a_server_that_is_paid_for(hub, login, spawn):
    running = await hub(CostCentreSpawner, CONFIG)
    await running.add_user("ann", groups=["zoology"])
    ann = await login(running, "ann")
    assert (await spawn(ann)).status == 201
    assert (await ann.open("api")).status_code == 200
    assert running.pod("ann")["metadata"]["labels"][LABEL] == "cc-12"


async def test_somebody_whom_nobody_pays_for_reads_why_on_the_page(hub, login, spawn):
    running = await hub(CostCentreSpawner, {**CONFIG, "KubeSpawner": {"options_form": "<input name=size>"}})
    eve = await login(running, "eve")
    answer = await spawn(eve, form={"size": "big"})
    assert answer.status == 403
    assert "No cost centre pays for eve" in answer.body

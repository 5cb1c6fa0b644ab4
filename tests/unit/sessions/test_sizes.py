import pytest

from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.models.profiles import Profile
from qhub_hub.sessions import Amount, Rejected, describe_hardware, make_plan, parse_request
from qhub_hub.sessions.placement import node_selector, placed, tolerations
from qhub_hub.sessions.sizes import completed

NODE = {"cpu": 4.2, "memory": "16.5Gi", "gpu": {"count": 2, "type": "T4"}, "labels": {"pool": "big"}}
GIB = 2**30


def place(size, node=NODE):
    profile = Profile.model_validate(size)
    return placed(completed(profile, profile), "big", NodeGroup.model_validate(node))


@pytest.mark.parametrize(
    ("size", "cpu", "memory"),
    [
        ({"cpu": {"limit": 2}}, Amount(2, 2), Amount(None, None)),
        ({"cpu": {"guarantee": 1}}, Amount(1, None), Amount(None, None)),
        ({"cpu": {"guarantee": 1, "limit": 2}}, Amount(1, 2), Amount(None, None)),
        ({"memory": {"limit": "4Gi"}}, Amount(None, None), Amount(4 * GIB, 4 * GIB)),
        ({"share": "1/2"}, Amount(2.0, 2.0), Amount(8 * GIB, 8 * GIB)),
        ({"share": "1"}, Amount(4.0, 4.0), Amount(16 * GIB, 16 * GIB)),
        ({}, Amount(None, None), Amount(None, None)),
        ({"cpu": {"guarantee": 1, "limit": 64}}, Amount(1, 64), Amount(None, None)),
    ],
    ids=["limit", "guarantee", "both", "memory", "half", "whole", "nothing", "limit above the node"],
)
def test_amounts_and_shares_become_hardware(size, cpu, memory):
    hardware = place(size)
    assert (hardware.cpu, hardware.memory) == (cpu, memory)


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ({"cpu": {"limit": 4.5}}, "needs 4.5 cores, but a node of big can give away at most 4"),
        ({"memory": {"guarantee": "17Gi"}}, "needs 17 GiB, but a node of big can give away at most 16 GiB"),
        ({"gpu": 3}, "needs 3 GPUs, but a node of big can give away at most 2"),
    ],
    ids=["cores", "memory", "devices"],
)
def test_what_a_node_cannot_hold_is_refused_with_both_numbers(size, found):
    with pytest.raises(Rejected, match=found) as refusal:
        place(size)
    assert (refusal.value.status, refusal.value.reason) == (503, "placement")


def test_a_server_as_large_as_the_node_fits_whatever_binary_fractions_say():
    node = {"cpu": 8.2, "memory": "8Gi"}  # 8.2 - 0.2 is 7.999999999999999
    assert place({"cpu": {"limit": 8}}, node).cpu.limit == 8


def test_a_device_needs_a_node_group_that_has_some():
    with pytest.raises(Rejected, match="at most 0"):
        place({"gpu": 1}, {})


def test_a_share_of_a_node_of_unknown_size_is_refused():
    with pytest.raises(Rejected, match="does not say how large a node of big is") as refusal:
        place({"share": "1/2"}, {})
    assert refusal.value.reason == "placement"


def test_amounts_are_taken_on_trust_where_the_node_is_unknown():
    assert place({"cpu": {"limit": 64}}, {}).cpu.limit == 64


@pytest.mark.parametrize(
    ("profile", "size", "expected"),
    [
        ({"memory": {"limit": "4Gi"}}, {"cpu": {"limit": 2}}, (2, 4 * GIB, 0)),
        ({"gpu": 1}, {"share": "1/2"}, (2, 8 * GIB, 1)),
        ({"gpu": 1}, {"gpu": 0}, (None, None, 0)),
        ({"cpu": {"limit": 1}, "memory": {"limit": "4Gi"}}, {"share": "1/4"}, (1, 4 * GIB, 0)),
        ({"share": "1/2"}, {"gpu": 1}, (2, 8 * GIB, 1)),
        ({"share": "1/2"}, {"cpu": {"limit": 1}}, (1, None, 0)),
    ],
    ids=["memory kept", "device kept", "device given up", "share instead", "share kept", "amounts instead"],
)
def test_a_size_leaves_to_the_profile_what_it_does_not_state(config_of, person, profile, size, expected):
    site = config_of(
        profiles={"p": profile | {"nodeGroup": "big", "options": {"sizes": {"s": size}}}}, nodeGroups={"big": NODE}
    )
    for options in ({}, {"size": "s"}):
        plan = make_plan(site, person(), parse_request(options))
        assert (plan.cpu.limit, plan.memory.limit, plan.gpu) == expected


@pytest.mark.parametrize(
    ("size", "text"),
    [
        ({"cpu": {"limit": 1}, "memory": {"limit": "512Mi"}}, "1 core, 512 MiB memory"),
        ({"cpu": {"guarantee": 0.5, "limit": 2}, "gpu": 1}, "0.5–2 cores, 1 T4 GPU"),
        ({"cpu": {"guarantee": 2}, "gpu": 2}, "at least 2 cores, 2 T4 GPUs"),
        ({}, ""),
    ],
    ids=["plain", "span", "guarantee only", "nothing"],
)
def test_hardware_is_described_as_people_say_it(size, text):
    assert describe_hardware(place(size)) == text


def test_a_server_is_sent_to_the_nodes_of_its_group_and_no_other():
    group = NodeGroup.model_validate(
        NODE | {"taints": [{"key": "gpu"}, {"key": "own", "value": "us", "effect": "NoExecute"}]}
    )
    assert node_selector(group) == {"pool": "big"}
    assert tolerations(group) == (
        {"key": "gpu", "operator": "Equal", "value": "", "effect": "NoSchedule"},
        {"key": "own", "operator": "Equal", "value": "us", "effect": "NoExecute"},
    )

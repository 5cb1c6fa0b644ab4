import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.identity import Group, Identity
from qhub_hub.sessions import Rejected, make_plan, parse_request
from qhub_hub.sessions.pod import MOST_ANNOTATIONS, restricted, to_pod

PASSWD = "ann:x:5001:5001::/home/ann:/bin/bash\n"
GROUP = "data:x:70000:ann\n"


@pytest.fixture
def pod(config_of, person):
    def build(*groups, passwd=PASSWD, site=None, **profile):
        config = config_of(profiles={"p": profile}, **(site or {}))
        identity = person("ann", *groups, uid=5001, directory="ann-1")
        plan = make_plan(config, identity, parse_request({}))
        return to_pod(plan, storage=config.storage, passwd=passwd, group=GROUP)

    return build


def test_it_runs_as_the_person_and_nobody_else(pod):
    made = pod("data", "gpu")
    for security in (made.pod_security, made.container_security):
        assert (security["runAsUser"], security["runAsGroup"], security["runAsNonRoot"]) == (5001, 5001, True)
    assert made.pod_security["supplementalGroups"] == [70_000, 70_001]
    assert "supplementalGroups" not in pod().pod_security


def test_files_on_the_share_are_never_given_to_a_group(pod):
    assert "fsGroup" not in pod("data").pod_security


def test_it_gains_no_privileges(pod):
    made = pod()
    assert made.container_security["allowPrivilegeEscalation"] is False
    assert made.container_security["capabilities"] == {"drop": ["ALL"]}
    assert (
        made.pod_security["seccompProfile"] == made.container_security["seccompProfile"] == {"type": "RuntimeDefault"}
    )


@pytest.mark.parametrize(
    "set_by_the_site",
    [
        {"privileged": True},
        {"runAsUser": 0},
        {"runAsNonRoot": False},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"add": ["SYS_ADMIN"]}},
        {"fsGroup": 100},
    ],
    ids=lambda context: next(iter(context)),
)
def test_configuration_takes_no_restriction_away(pod, set_by_the_site):
    ours = pod().container_security
    assert restricted({**set_by_the_site, "readOnlyRootFilesystem": True}, ours) == {
        **ours,
        "readOnlyRootFilesystem": True,
    }


def test_guarantees_are_requests_and_accelerators_are_both(pod):
    made = pod(nodeGroup="gpu", cpu={"guarantee": 0.5, "limit": 1.5}, memory={"limit": "1.5Gi"}, gpu=2)
    assert made.resources == {
        "requests": {"cpu": "500m", "memory": "1610612736", "nvidia.com/gpu": "2"},
        "limits": {"cpu": "1500m", "memory": "1610612736", "nvidia.com/gpu": "2"},
    }


def test_what_is_not_stated_is_not_limited(pod):
    assert pod().resources == {"requests": {}, "limits": {}}


def test_groups_of_the_image_stay_outside_only_where_the_values_say_so(pod):
    assert "supplementalGroupsPolicy" not in pod("data").pod_security
    assert pod("data", site={"storage": {"strictGroups": True}}).pod_security["supplementalGroupsPolicy"] == "Strict"


def test_one_claim_holds_all_folders_and_environments_are_read_only(pod):
    made = pod("data", "all", site={"storage": {"claim": {"existing": "mine"}}})
    mounts = {mount["mountPath"]: mount for mount in made.volume_mounts}
    assert (mounts["/home/ann"]["subPath"], mounts["/home/ann"]["readOnly"]) == ("home/ann-1", False)
    assert mounts["/shared/data"]["subPath"] == "shared/data"
    assert "/shared/all" not in mounts
    assert made.volumes[0] == {"name": "qhub-share", "persistentVolumeClaim": {"claimName": "mine"}}
    assert all(mount.get("subPath") for mount in made.volume_mounts), "the whole share would be mounted"
    assert made.working_dir == "/home/ann"


def test_names_lie_over_those_of_the_image(pod):
    made = pod()
    assert (made.annotations["qhub/passwd"], made.annotations["qhub/group"]) == (PASSWD, GROUP)
    items = made.volumes[1]["downwardAPI"]["items"]
    fields_of = {item["path"]: item["fieldRef"]["fieldPath"] for item in items}
    assert fields_of == {
        "passwd": "metadata.annotations['qhub/passwd']",
        "group": "metadata.annotations['qhub/group']",
    }
    over = {(mount["mountPath"], mount["subPath"], mount["readOnly"]) for mount in made.volume_mounts[-2:]}
    assert over == {("/etc/passwd", "passwd", True), ("/etc/group", "group", True)}


@pytest.mark.parametrize("text", ["x" * 240 * 1024, "é" * 121 * 1024], ids=["ascii", "two bytes a character"])
def test_more_names_than_a_pod_can_carry_are_refused_with_a_sentence(pod, text):
    with pytest.raises(Rejected, match=r"names of the people in your groups take 24\d.* KiB.*administrator") as refused:
        pod(passwd=text)
    assert refused.value.reason == "identity"


def test_as_many_names_as_a_view_may_hold_fit(pod):
    # 500 peers, the most that a view shows (identity.view), with the longest names there are.
    line = f"{'n' * 63}:x:2147483647:2147483647::/home/{'d' * 63}:/usr/sbin/nologin\n"
    made = pod(passwd=line * 500)
    assert sum(len(key) + len(text) for key, text in made.annotations.items()) < MOST_ANNOTATIONS


def test_nodes_are_those_of_the_group_and_taints_for_people_are_tolerated(pod):
    site = {
        "nodeGroups": {
            "user": {
                "labels": {"pool": "big"},
                "taints": [{"key": "team", "value": "a", "effect": "NoExecute"}],
            }
        }
    }
    made = pod(site=site)
    assert made.node_selector == {"pool": "big"}
    assert made.tolerations == [
        {"key": "team", "operator": "Equal", "value": "a", "effect": "NoExecute"},
        {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
        {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
    ]
    preferred = made.node_affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred[0]["preference"]["matchExpressions"][0]["key"] == "hub.jupyter.org/node-purpose"


def test_labels_say_whose_it_is_and_what_it_costs(pod):
    labels = pod("gpu", allowedGroups=["gpu"]).labels
    assert labels == {
        "hub.jupyter.org/username": "ann",
        "qhub/profile": "p",
        "qhub/node-group": "user",
        "qhub/group": "gpu",
    }


def kubernetes_expands(text: str, variables: dict[str, str]) -> str:
    """What a container gets to see of a value: Kubernetes' rule for `$(NAME)` and `$$`, written down once more."""
    return re.sub(
        r"\$\$|\$\(([^)]*)\)",
        lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]),
        text,
    )


@given(st.text(alphabet="$()AB {}", max_size=12))
def test_a_variable_arrives_as_it_was_written(text):
    identity = Identity("ann", "ann", 5001, 5001, (Group("data", "data", 70_000),), "ann", "/home/ann")
    config = Config.model_validate({"nodeGroups": {"user": {}}, "profiles": {"p": {"env": {"X": text}}}})
    made = to_pod(make_plan(config, identity, parse_request({})), storage=config.storage, passwd="", group="")
    assert kubernetes_expands(made.env["X"], {"A": "wrong", "B": "wrong"}) == text


def test_nothing_of_one_persons_pod_is_shared_with_the_next(pod):
    one, other = pod("data"), pod("data")
    for field in fields(one):
        if isinstance(getattr(one, field.name), (dict, list)):
            assert getattr(one, field.name) is not getattr(other, field.name), field.name


def test_the_image_and_its_command_are_the_charts_unless_stated(pod):
    assert (pod().image, pod().command) == ("", [])
    assert (pod(image="a/b:1").image, pod(command=["rstudio", "--port", "$(X)"]).command) == (
        "a/b:1",
        ["rstudio", "--port", "$$(X)"],
    )

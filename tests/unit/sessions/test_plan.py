import dataclasses
from types import MappingProxyType

import pytest

from qhub_hub.environments.manifest import Environment
from qhub_hub.sessions import Rejected, make_plan, parse_request

PROFILES = {
    "small": {
        "displayName": "Small",
        "cpu": {"limit": 1},
        "image": "r/lab:1",
        "env": {"THEME": "dark", "OMP_NUM_THREADS": "7"},
        "options": {"environments": ["global/*"]},
    },
    "gpu": {
        "order": 1,
        "allowedGroups": ["ml", "gpu"],
        "nodeGroup": "gpu",
        "gpu": 1,
        "command": ["rstudio"],
        "options": {
            "images": {"a": {"image": "r/a:1"}, "b": {"image": "r/b:1"}},
            "sizes": {"half": {"share": "1/2"}, "huge": {"cpu": {"limit": 99}}, "all": {"share": "1"}},
        },
    },
}
CATALOGUE = (Environment("global", "x", "/home/conda/global/envs/x"), Environment("team", "y", "/p"))


@pytest.fixture
def site(config_of):
    namespaces = {"global": {}, "team": {"allowedGroups": ["ml"]}}
    return config_of(profiles=PROFILES, environments={"namespaces": namespaces})


def plan_of(site, who, options, **more):
    return make_plan(site, who, parse_request(options), **more)


def test_a_plan_holds_what_was_chosen_and_the_defaults_of_the_rest(site, person):
    plan = plan_of(site, person("ann", "gpu"), {"profile": "gpu", "image": "b"})
    assert plan.choices == {"profile": "gpu", "image": "b", "size": "half"}
    assert (plan.image, plan.command, plan.gpu, plan.gpu_resource) == ("r/b:1", ("rstudio",), 1, "nvidia.com/gpu")
    assert plan.cpu.limit == 4.0
    assert plan.labels == {
        "qhub/profile": "gpu",
        "qhub/node-group": "gpu",
        "qhub/group": "gpu",
        "hub.jupyter.org/username": "ann",
    }


def test_without_a_choice_the_first_open_card_is_planned(site, person):
    plan = plan_of(site, person(), None)
    assert (plan.profile, plan.title, plan.image, plan.price) == ("small", "Small", "r/lab:1", None)
    assert "qhub/group" not in plan.labels


def test_an_accepted_choice_is_accepted_again(site, person):
    plan = plan_of(site, person("ann", "gpu"), {"profile": "gpu", "size": "all"})
    assert plan_of(site, person("ann", "gpu"), dict(plan.choices)) == plan


@pytest.mark.parametrize(
    ("options", "reason", "status"),
    [
        ({"profile": "gpu"}, "profile", 403),
        ({"profile": "no-such"}, "profile", 403),
        ({"profile": "small", "image": "evil/x:1"}, "choice", 403),
        ({"profile": "small", "size": "half"}, "choice", 403),
        ({"image": "a"}, "choice", 403),
        ({"environment": "team/y"}, "choice", 403),
        ({"environment": "global/gone"}, "choice", 403),
    ],
    ids=str,
)
def test_what_is_not_offered_is_refused(site, person, options, reason, status):
    with pytest.raises(Rejected) as refusal:
        plan_of(site, person("ann", "data"), options, catalogue=CATALOGUE)
    assert (refusal.value.reason, refusal.value.status) == (reason, status)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"profile": "gpu", "image": "r/a:1"}, "choice"),
        ({"profile": "gpu", "image": "A"}, "choice"),
        ({"profile": "gpu", "size": "half "}, "choice"),
        ({"profile": "gpu", "size": "huge"}, "placement"),
        ({"profile": "gpu", "environment": "global/x"}, "choice"),
    ],
    ids=str,
)
def test_inside_an_open_card_only_its_keys_count(site, person, options, reason):
    with pytest.raises(Rejected) as refusal:
        plan_of(site, person("ann", "gpu"), options, catalogue=CATALOGUE)
    assert refusal.value.reason == reason


def test_nobody_learns_whether_a_profile_exists(config_of, person):
    messages = []
    for profiles in (PROFILES, {"small": PROFILES["small"]}):
        with pytest.raises(Rejected) as refusal:
            plan_of(config_of(profiles=profiles), person(), {"profile": "gpu"})
        messages.append((refusal.value.status, refusal.value.message))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("options", [None, {"profile": "gpu"}, {"profile": "x"}], ids=str)
@pytest.mark.parametrize("profiles", [{}, {"gpu": PROFILES["gpu"]}], ids=["no profiles", "none open"])
def test_who_has_no_profile_gets_a_sentence_and_no_server(config_of, person, profiles, options):
    with pytest.raises(Rejected, match="No profile is open to you yet") as refusal:
        plan_of(config_of(profiles=profiles), person(), options)
    assert (refusal.value.reason, refusal.value.status) == ("no-profile", 403)


def test_an_unknown_node_group_is_an_error_of_the_place(config_of, person):
    site = config_of(profiles={"lost": {"nodeGroup": "gone"}})
    for options in ({}, {"profile": "lost"}):
        with pytest.raises(Rejected) as refusal:
            plan_of(site, person(), options)
        assert (refusal.value.reason, refusal.value.status) == ("placement", 503)


def test_a_group_that_was_taken_away_closes_the_remembered_choice(site, person):
    remembered = dict(plan_of(site, person("ann", "gpu"), {"profile": "gpu"}).choices)
    with pytest.raises(Rejected) as refusal:
        plan_of(site, person("ann"), remembered)
    assert refusal.value.reason == "profile"


def test_hostile_text_in_a_refusal_is_quoted_short_and_printable(site, person):
    with pytest.raises(Rejected) as refusal:
        plan_of(site, person("ann", "gpu"), {"profile": "gpu", "image": "\x1b[2J\n" + "<script>" * 30})
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 200


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOME", "/home/ann"),
        ("USER", "ann"),
        ("LOGNAME", "ann"),
        ("SHELL", "/bin/bash"),
        ("QHUB_UMASK", "0002"),
        ("NB_UMASK", "002"),
        ("QHUB_PROFILE", "small"),
        ("QHUB_IDLE", "3600"),
        ("QHUB_KERNEL_IDLE", "3600"),
        ("QHUB_TERMINAL_IDLE", "3600"),
        ("QHUB_SHARED", "/shared"),
        ("THEME", "dark"),
        ("OMP_NUM_THREADS", "7"),
    ],
)
def test_a_server_is_told_who_it_is_for_and_what_holds(site, person, variable, value):
    assert plan_of(site, person("ann", "data"), {}).env[variable] == value


def test_a_profile_cannot_make_somebody_else_of_a_person(config_of, person):
    site = config_of(profiles={"p": {"env": {"HOME": "/home/bob", "USER": "bob", "QHUB_UMASK": "0777"}}})
    env = plan_of(site, person(), {}).env
    assert (env["HOME"], env["USER"], env["QHUB_UMASK"]) == ("/home/ann", "ann", "0002")


def test_threads_are_advised_only_where_cores_are_limited(config_of, person):
    site = config_of(profiles={"p": {"cpu": {"limit": 1.5}}, "q": {"cpu": {"guarantee": 2}}})
    assert plan_of(site, person(), {"profile": "p"}).env["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in plan_of(site, person(), {"profile": "q"}).env


def test_who_has_no_group_folder_is_pointed_to_none(site, person):
    assert "QHUB_SHARED" not in plan_of(site, person("ann", "all"), {}).env


def test_a_plan_cannot_be_changed(site, person):
    plan = plan_of(site, person("ann", "gpu"), {"profile": "gpu"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.image = "evil"
    for field in dataclasses.fields(plan):
        value = getattr(plan, field.name)
        assert not isinstance(value, dict | list | set), field.name
        if isinstance(value, MappingProxyType):
            with pytest.raises(TypeError):
                value["x"] = "y"


def test_two_peoples_plans_share_nothing_that_could_be_changed(site, person):
    one, other = (plan_of(site, person(name, "data"), {}) for name in ("ann", "bob"))
    for field in ("env", "labels", "annotations", "node_selector", "choices"):
        assert getattr(one, field) is not getattr(other, field)
    assert other.env["USER"] == "bob"
    assert "'ann'" not in repr(other)
    assert "home/ann" not in repr(other)

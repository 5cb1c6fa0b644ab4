import json

import pytest

from qhub_hub.environments.manifest import Environment
from qhub_hub.sessions import explain, to_dict, to_text

LINES = {"qhub.profiles.small.memory.limit": "values.yaml:12", "qhub.users.ann.uid": "people.yaml:3"}


@pytest.fixture
def site(config_of):
    return config_of(
        users={"ann": {"uid": 5001, "groups": ["data"], "admin": True}},
        groups={"data": {"gid": 7001}, "gpu": {"members": ["ann"]}, "all": {"everyone": True}, "ml": {}},
        profiles={
            "small": {"memory": {"limit": "4Gi"}, "env": {"A": "b"}, "culling": {"maxAge": "1d"}},
            "part": {"order": 1, "options": {"sizes": {"half": {"share": "1/2"}}, "environments": ["global/*"]}},
            "ml": {"order": 2, "allowedGroups": ["ml"]},
            "bobs": {"order": 3, "allowedUsers": ["bob"], "locked": "hide"},
            "lost": {"order": 4, "nodeGroup": "gone"},
            "data": {"order": 5, "allowedGroups": ["ml", "data"]},
        },
        prices={"memory": 0.1},
        limits={"everyone": {"memory": "8Gi"}},
        environments={"namespaces": {"global": {}}},
    )


@pytest.fixture
def ann(person):
    return person("ann", "data", "gpu", "all", uid=5001, admin=True)


def keys(facts):
    return {fact["what"]: fact["key"] for fact in facts}


def test_every_line_names_the_key_that_decides_it(site, ann):
    told = to_dict(explain(site, ann, {}))
    assert told["starts"] is True
    assert keys(told["plan"]) == {
        "profile": "qhub.profiles.small",
        "image": "qhub.profiles.small.image",
        "cpu": "qhub.profiles.small.cpu",
        "memory": "qhub.profiles.small.memory.limit",
        "node group": "qhub.profiles.small.nodeGroup",
        "price": "qhub.prices",
        "stopped when idle": "qhub.culling.idle",
        "stopped in any case": "qhub.profiles.small.culling.maxAge",
        "warned": "qhub.culling.warning",
        "idle kernels": "qhub.culling.kernelIdle",
        "idle terminals": "qhub.culling.terminalIdle",
        "limit": "qhub.limits.everyone.memory",
        "folder": "qhub.groups.all.sharedFolder",
        "variable": "qhub.profiles.small.env.A",
    }


def test_a_limit_of_cost_is_told_by_the_key_as_the_file_writes_it(config_of, person):
    site = config_of(profiles={"p": {}}, limits={"everyone": {"costPerDay": 12.5}})
    told = to_dict(explain(site, person(), {}))["plan"]
    limit = next(fact for fact in told if fact["what"] == "limit")
    assert (limit["text"], limit["key"]) == ("you: at most 12.50 USD per day (UTC)", "qhub.limits.everyone.costPerDay")
    assert next(fact["text"] for fact in told if fact["what"] == "warned") == "10 min before"


def test_lines_of_the_file_are_named_and_defaults_are_called_so(site, ann):
    told = to_dict(explain(site, ann, {}, lambda key: LINES.get(key, "")))
    assert {fact["where"] for fact in told["plan"]} == {"values.yaml:12", "default"}
    assert next(fact["where"] for fact in told["plan"] if fact["what"] == "memory") == "values.yaml:12"
    assert told["identity"][0]["where"] == "people.yaml:3"


def test_ids_say_whether_they_are_declared_or_would_be_allocated(site, ann, person):
    facts = {fact["what"]: fact for fact in to_dict(explain(site, ann, {}))["identity"]}
    assert facts["uid"]["text"] == "5001, declared"
    assert facts["group data"]["text"].endswith("declared; named by the user")
    assert "would be allocated from 70000–99999; named by the group" in facts["group gpu"]["text"]
    assert facts["group all"]["key"] == "qhub.groups.all.everyone"
    assert facts["admin"]["key"] == "qhub.users.ann.admin"
    other = to_dict(explain(site, person("bob", "ml"), {}))["identity"]
    assert "would be allocated from 100000–199999" in other[0]["text"]
    assert other[-1]["text"].endswith("given at sign-in")


def test_cards_are_open_locked_or_hidden_with_the_reason(site, ann):
    cards = {card["what"]: card for card in to_dict(explain(site, ann, {}))["profiles"]}
    assert {key: card["state"] for key, card in cards.items()} == {
        "small": "open",
        "part": "open",
        "ml": "locked",
        "bobs": "hidden",
        "lost": "locked",
        "data": "open",
    }
    assert cards["ml"]["key"] == "qhub.profiles.ml.allowedGroups"
    assert cards["bobs"]["key"] == "qhub.profiles.bobs.allowedUsers"
    assert cards["lost"]["key"] == "qhub.profiles.lost.nodeGroup"


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [({"profile": "ml"}, 403, "profile"), ({"x": "y"}, 400, "options"), ({"profile": "lost"}, 503, "placement")],
    ids=["locked", "unreadable", "broken"],
)
def test_a_refused_choice_is_explained_with_its_status(site, ann, options, status, reason):
    told = to_dict(explain(site, ann, options))
    assert (told["starts"], told["plan"]) == (False, [])
    assert (told["refusal"]["status"], told["refusal"]["reason"]) == (status, reason)


def test_a_share_and_an_environment_are_traced_to_their_keys(site, ann):
    catalogue = (Environment("global", "x", "/p"),)
    told = keys(to_dict(explain(site, ann, {"profile": "part"}, None, catalogue))["plan"])
    # Half a node exceeds the limit of 8 GiB, and that is what is explained.
    assert told == {}
    site = site.model_copy(update={"limits": type(site.limits)()})
    told = keys(to_dict(explain(site, ann, {"profile": "part"}, None, catalogue))["plan"])
    assert told["cpu"] == told["memory"] == "qhub.profiles.part.options.sizes.half.share"
    assert told["environment"] == "qhub.profiles.part.options.environments"
    assert told["folder"] == "qhub.environments.namespaces.global"


def test_the_text_says_all_that_the_json_says(site, ann):
    explanation = explain(site, ann, {}, lambda key: LINES.get(key, ""))
    text, told = to_text(explanation), to_dict(explanation)
    for fact in (*told["identity"], *told["profiles"], *told["plan"]):
        assert fact["text"] in text
        assert fact["key"] in text
    assert "qhub.profiles.small.memory.limit (values.yaml:12)" in text
    assert json.loads(json.dumps(told)) == told


def test_a_refusal_is_the_last_thing_in_the_text(site, ann):
    text = to_text(explain(site, ann, {"profile": "ml"}))
    assert "Nothing would start (HTTP 403, profile)" in text
    assert text.endswith("The profile 'ml' is not available to you. Choose one of the open cards.\n")


def test_nobody_and_nothing_is_explained_too(config_of, person):
    told = to_dict(explain(config_of(profiles={}), person(), {}))
    assert (told["profiles"], told["refusal"]["reason"]) == ([], "no-profile")
    assert "Profiles\n  none" in to_text(explain(config_of(profiles={}), person(), {}))

import pytest

from qhub_hub.environments.manifest import Environment
from qhub_hub.sessions import default_choice, make_plan, offers, parse_request

PROFILES = {
    "small": {"displayName": "Small", "description": "<b>", "cpu": {"limit": 1}, "memory": {"limit": "2Gi"}},
    "gpu": {"allowedGroups": ["gpu"], "order": 1, "nodeGroup": "gpu", "gpu": 1},
    "mixed": {"allowedGroups": ["gpu", "ml"], "allowedUsers": ["bob"], "order": 2},
    "secret": {"allowedUsers": ["bob"], "locked": "hide", "order": 3},
    "sized": {
        "order": -1,
        "options": {
            "images": {"b": {"image": "r/b:1", "displayName": "Bee"}, "a": {"image": "r/a:1"}},
            "sizes": {"quarter": {"share": "1/4"}, "one": {"cpu": {"limit": 1}, "displayName": "One core"}},
            "environments": ["global/*", "team/x"],
        },
    },
}
CATALOGUE = (
    Environment("team", "x", "/home/conda/team/envs/x"),
    Environment("global", "new", "/home/conda/global/envs/new"),
    Environment("global", "broken", "/home/conda/global/envs/broken", status="failed"),
    Environment("nobody", "x", "/home/conda/nobody/envs/x"),
)


@pytest.fixture
def site(config_of):
    namespaces = {"global": {}, "team": {"allowedGroups": ["ml"]}}
    return config_of(profiles=PROFILES, environments={"namespaces": namespaces})


def by_key(shown):
    return {offer.profile: offer for offer in shown}


def test_cards_come_by_order_and_then_by_key(site, person):
    assert [offer.profile for offer in offers(site, person())] == ["sized", "small", "gpu", "mixed"]


def test_a_locked_card_says_why_and_offers_nothing(site, person):
    cards = by_key(offers(site, person()))
    assert cards["gpu"].locked == "Only for members of gpu. Ask an administrator to be added."
    assert cards["mixed"].locked == "Only for members of gpu or ml and for bob. Ask an administrator to be added."
    assert cards["gpu"].options == ()
    assert cards["small"].locked == ""


def test_a_hidden_profile_is_seen_only_by_those_who_may_use_it(site, person):
    assert "secret" not in by_key(offers(site, person("ann")))
    assert by_key(offers(site, person("bob")))["secret"].locked == ""


def test_a_card_says_who_may_use_it(site, person):
    audiences = {offer.profile: offer.audience for offer in offers(site, person("bob"))}
    assert audiences == {
        "small": "Everyone",
        "gpu": "Group gpu",
        "mixed": "Groups gpu, ml and bob",
        "secret": "bob",
        "sized": "Everyone",
    }


def test_long_audiences_are_cut(config_of, person):
    site = config_of(profiles={"x": {"allowedUsers": [f"u{n}" for n in range(500)]}})
    (card,) = offers(site, person())
    assert card.audience == "u0, u1, u2, u3, u4 and 495 more"
    assert len(card.locked) < 100


def test_a_cards_hardware_is_that_of_its_default_size(site, person):
    card = by_key(offers(site, person()))["sized"]
    assert card.hardware.cpu.limit == 2.0
    assert [choice.title for choice in card.options[1].choices] == ["2 cores, 8 GiB memory", "One core"]


def test_the_first_choice_is_the_first_in_the_file(site, person):
    image, *_ = by_key(offers(site, person()))["sized"].options
    assert [(choice.key, choice.title) for choice in image.choices] == [("b", "Bee"), ("a", "a")]


@pytest.mark.parametrize(
    ("groups", "expected"), [((), ["global/new"]), (("ml",), ["global/new", "team/x"])], ids=["none", "member"]
)
def test_only_visible_ready_environments_are_offered(site, person, groups, expected):
    card = by_key(offers(site, person("ann", *groups), CATALOGUE))["sized"]
    assert [choice.key for choice in card.options[2].choices] == expected


def test_without_environments_there_is_no_choice_of_one(site, person):
    assert [o.name for o in by_key(offers(site, person()))["sized"].options] == ["image", "size"]


def test_what_no_node_can_hold_is_locked_with_the_reason(config_of, person):
    site = config_of(
        profiles={
            "lost": {"nodeGroup": "gone", "price": 1},
            "huge": {"cpu": {"limit": 64}},
            "vague": {"nodeGroup": "unknown", "share": "1/2"},
            "fine": {"options": {"sizes": {"huge": {"cpu": {"limit": 64}}, "ok": {"cpu": {"limit": 1}}}}},
        }
    )
    cards = by_key(offers(site, person()))
    assert "'gone', which does not exist" in cards["lost"].locked
    assert cards["lost"].price is None
    assert "needs 64 cores" in cards["huge"].locked
    assert "how large a node of unknown is" in cards["vague"].locked
    assert [choice.key for choice in cards["fine"].options[0].choices] == ["ok"]
    assert default_choice(tuple(cards.values())) == {"profile": "fine", "size": "ok"}


@pytest.mark.parametrize(
    ("remembered", "expected"),
    [
        (None, {"profile": "sized", "image": "b", "size": "quarter"}),
        ({"profile": "small"}, {"profile": "small"}),
        (
            {"profile": "sized", "image": "a", "size": "one"},
            {"profile": "sized", "image": "a", "size": "one"},
        ),
        (
            {"profile": "sized", "image": "gone", "size": "one"},
            {"profile": "sized", "image": "b", "size": "one"},
        ),
        ({"profile": "gpu"}, {"profile": "sized", "image": "b", "size": "quarter"}),
        ({"profile": "secret", "image": "a"}, {"profile": "sized", "image": "b", "size": "quarter"}),
        ({"evil": 1}, {"profile": "sized", "image": "b", "size": "quarter"}),
        (["profile"], {"profile": "sized", "image": "b", "size": "quarter"}),
    ],
    ids=["nothing", "open", "with options", "option gone", "locked", "hidden", "unknown key", "a list"],
)
def test_the_last_choice_is_preselected_as_far_as_it_is_still_offered(site, person, remembered, expected):
    choice = default_choice(offers(site, person()), remembered)
    assert choice == expected
    assert make_plan(site, person(), parse_request(dict(choice))).choices == expected


def test_nothing_is_preselected_where_nothing_is_open(config_of, person):
    site = config_of(profiles={"gpu": {"allowedGroups": ["gpu"]}})
    assert default_choice(offers(site, person())) == {}

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.sessions import Rejected, Request, parse_form, parse_query, parse_request
from qhub_hub.sessions.wording import quoted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OPTIONS = st.dictionaries(
    st.sampled_from(["profile", "image", "size", "environment"]), st.text(max_size=253), max_size=4
)


@pytest.mark.parametrize("nothing", [None, {}], ids=["none", "empty"])
def test_no_options_mean_the_default_choice(nothing):
    assert parse_request(nothing) == Request()


def test_the_four_names_are_read_as_they_are():
    options = {"profile": "small", "image": "a", "size": "half", "environment": "global/x"}
    assert parse_request(options, "lab") == Request("small", "a", "half", "global/x", "lab")


@pytest.mark.parametrize(
    "options",
    [
        {"image--unlisted-choice": "evil/x:1"},
        {"profile": "small", "image--unlisted-choice": "evil/x:1"},
        {"server": "other"},
        {"Profile": "small"},
        {1: "x"},
        {"profile": ["small"]},
        {"profile": {"small": 1}},
        {"profile": None},
        {"profile": True},
        {"profile": 7},
        {"profile": b"small"},
        {"size": "x" * 254},
        {"size": 10**5000},
        ["profile"],
        "profile",
        7,
        False,
        [],
    ],
    ids=lambda value: quoted(value)[:40],
)
def test_everything_else_is_refused_as_a_bad_request(options):
    with pytest.raises(Rejected) as refusal:
        parse_request(options)
    assert (refusal.value.status, refusal.value.reason) == (400, "options")
    assert refusal.value.message.endswith(".")
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 350


def test_a_refusal_quotes_what_was_found_without_its_control_characters():
    with pytest.raises(Rejected) as refusal:
        parse_request({"a\n\x1b[31m\u202e" + "x" * 500: "y"})
    assert "'a\\n\\x1b[31m" in refusal.value.message
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 200


@given(JSON)
def test_any_json_is_either_read_or_refused(options):
    message = ""
    try:
        assert parse_request(json.loads(json.dumps(options))) == Request(**(options or {}))
    except Rejected as rejected:
        message = f"{rejected.status} {rejected.message}"
    assert not message or message.startswith("400 ")
    assert message.isprintable()


@given(st.one_of(JSON, st.binary(), st.integers(min_value=10**4000, max_value=10**4400)))
def test_a_quote_is_short_and_printable_whatever_was_sent(found):
    assert len(quoted(found)) <= 80
    assert quoted(found).isprintable()


@given(OPTIONS)
def test_a_form_says_what_rest_says(options):
    profile = options.get("profile", "")
    if not profile:
        options = {}
    fields = {f"{name}:{profile}": [value] for name, value in options.items() if name != "profile"}
    form = {"_xsrf": ["2|x"], "profile": [profile], **fields, "image:another": ["forged"]}
    if not profile:
        del form["image:another"]
    assert parse_request(parse_form(form)) == parse_request(options)


def test_only_the_chosen_cards_fields_count():
    form = {
        "_xsrf": ["token"],
        "profile": [b"gpu"],
        "image:gpu": ["a"],
        "size:gpu": [""],
        "image:small": ["evil"],
        "size:small": ["huge"],
    }
    assert parse_form(form) == {"profile": "gpu", "image": "a"}


def test_a_form_without_fields_means_the_default_choice():
    assert parse_form({"_xsrf": ["token"]}) == {}


@pytest.mark.parametrize(
    "form",
    [
        {"profile": ["small", "gpu"]},
        {"profile": []},
        {"profile": "small"},
        {"profile": [b"\xff\xfe"]},
        {"profile": ["x" * 254]},
        {"profile": [{"filename": "x", "body": b""}]},
        {"profile": ["small"], "image": ["x"]},
        {"profile": ["small"], "image--unlisted-choice": ["x"]},
        {"profile": ["small"], "kubespawner_override": ["x"]},
        {"profile": ["small"], "profile:small": ["x"]},
        {"profile": ["small"], "size:small": ["a", "b"]},
        {"profile": ["small"], "size:other": ["a", "b"]},
        {"upload_file": [{"filename": "x", "body": b""}]},
        {"size:small": ["half"]},
        {"profile": ["small"], 3: ["x"]},
    ],
    ids=str,
)
def test_a_forged_form_is_refused(form):
    with pytest.raises(Rejected) as refusal:
        parse_form(form)
    assert refusal.value.status == 400
    assert refusal.value.message.isprintable()


def test_a_link_uses_the_plain_names():
    assert parse_query({"profile": ["small"], "size": ["half"], "image": [""]}) == {
        "profile": "small",
        "size": "half",
    }


@pytest.mark.parametrize(
    "query", [{"profile": ["a", "b"]}, {"image--unlisted-choice": ["x"]}, {"cmd": ["x"]}, {"size": [b"\xff"]}], ids=str
)
def test_a_forged_link_is_refused(query):
    with pytest.raises(Rejected) as refusal:
        parse_query(query)
    assert refusal.value.status == 400

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.sessions import make_plan, parse_request, read_summary, summary

PROFILE = {
    "displayName": "Half",
    "culling": {"idle": 60},
    "options": {"sizes": {"half": {"share": "1/2"}}},
    "price": 1.5,
    "nodeGroup": "gpu",
}


@pytest.fixture
def plan(config_of, person):
    return make_plan(config_of(profiles={"half": PROFILE}), person("ann", "data"), parse_request({}))


def test_what_is_kept_survives_the_database(plan):
    kept = read_summary(json.loads(json.dumps(summary(plan))))
    assert (kept.profile, kept.title, kept.choices) == ("half", "Half", {"profile": "half", "size": "half"})
    assert (kept.hardware.cpu, kept.hardware.memory) == (plan.cpu, plan.memory)
    assert (kept.price, kept.idle, kept.node_group, kept.groups) == (plan.price, plan.idle, "gpu", ("data",))
    assert (kept.hardware_text, kept.price_text) == ("4 cores, 16 GiB memory", "1.50 USD per hour")


def test_the_idle_rule_can_be_read_by_the_culler(plan):
    assert summary(plan)["idle"]["idle"] == 60


def test_nothing_secret_or_personal_is_kept(plan):
    assert "/home/ann" not in json.dumps(summary(plan))


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"version": True},
        {"version": "1"},
        {"profile": ""},
        {"profile": ["half"]},
        {"title": None},
        {"title": "x" * 1025},
        {"choices": {"cmd": "x"}},
        {"choices": {"image": 7}},
        {"hardware": {}},
        {"price": {"per_hour": float("nan"), "currency": "USD", "source": ""}},
        {"price": {"per_hour": -1, "currency": "USD", "source": ""}},
        {"price": {"per_hour": 1, "currency": "USD\n", "source": ""}},
        {"price": 3},
        {"idle": {"idle": "600"}},
        {"idle": {"idle": 1.5, "max_age": 0, "kernel_idle": 0, "terminal_idle": 0, "source": ""}},
        {"idle": {"idle": -1, "max_age": 0, "kernel_idle": 0, "terminal_idle": 0, "source": ""}},
        {"groups": "data"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_damaged_and_foreign_state_counts_as_none(plan, damage):
    assert read_summary(summary(plan) | damage) is None


@pytest.mark.parametrize("key", ["version", "profile", "hardware", "idle", "groups", "price"])
def test_an_older_state_without_a_field_counts_as_none(plan, key):
    stored = copy.deepcopy(summary(plan))
    del stored[key]
    assert read_summary(stored) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_is_read_without_an_error(stored):
    assert read_summary(stored) is None

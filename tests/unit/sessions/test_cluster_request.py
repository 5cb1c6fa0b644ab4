import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.sessions import ClusterRequest, Rejected, parse_cluster_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
NAMES = st.sampled_from(["profile", "environment", "size", "idle_minutes", "variables", "image"])


@pytest.mark.parametrize("nothing", [None, {}], ids=["none", "empty"])
def test_no_options_mean_the_default_choice(nothing):
    assert parse_cluster_request(nothing) == ClusterRequest()


def test_the_five_names_are_read_as_they_are():
    options = {
        "profile": "small",
        "environment": "global/x",
        "size": "half",
        "idle_minutes": 5,
        "variables": {"MY_DATA": "/shared/data"},
    }
    found = parse_cluster_request(options)
    assert (found.profile, found.environment, found.size, found.idle_minutes) == ("small", "global/x", "half", 5)
    assert dict(found.variables) == {"MY_DATA": "/shared/data"}


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["profile"],
        "profile",
        True,
        {"image": "evil"},
        {"worker_extra_pod_config": {}},
        {"uid": 0},
        {"profile": ["small"]},
        {"profile": {"small": 1}},
        {"profile": "x" * 254},
        {"idle_minutes": True},
        {"idle_minutes": 0},
        {"idle_minutes": -5},
        {"idle_minutes": 1.5},
        {"idle_minutes": "5"},
        {"idle_minutes": 10**9},
        {"variables": []},
        {"variables": {"a b": "c"}},
        {"variables": {"A": 1}},
        {"variables": {"A": "x" * 5000}},
        {"variables": {"A": "b\0c"}},
        {"variables": {f"A{number}": "" for number in range(51)}},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_everything_else_is_refused_as_a_bad_request_in_one_sentence(options):
    with pytest.raises(Rejected) as refusal:
        parse_cluster_request(options)
    assert (refusal.value.status, refusal.value.reason) == (400, "options")
    assert refusal.value.message.endswith(".")
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 350


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "PYTHONHOME",
        "PATH",
        "HOME",
        "USER",
        "NB_UID",
        "JUPYTERHUB_API_TOKEN",
        "NSS_WRAPPER_PASSWD",
        "DASK_GATEWAY_API_TOKEN",
        "DASK_GATEWAY__ADDRESS",
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION",
        "QHUB_SERVER_MARK",
    ],
)
def test_a_variable_that_the_platform_sets_is_refused_and_says_so(name):
    with pytest.raises(Rejected, match=rf"The variable {name} may not be set: .*\."):
        parse_cluster_request({"variables": {name: "x"}})


@given(st.dictionaries(NAMES | st.text(max_size=20), JSON, max_size=5))
def test_whatever_is_sent_is_read_or_refused_with_a_printable_sentence(options):
    found = _read_or_refused(options)
    if isinstance(found, Rejected):
        assert found.message.isprintable()
        assert found.message.endswith(".")
    else:
        assert isinstance(found.profile, str)
        assert found.idle_minutes is None or type(found.idle_minutes) is int


def _read_or_refused(options):
    try:
        return parse_cluster_request(options)
    except Rejected as refusal:
        return refusal

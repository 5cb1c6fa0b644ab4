import pytest
from dask_gateway_server.backends.base import PublicException
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.dask.heartbeat import checked_heartbeat

GOOD = {
    "count": 2,
    "active_workers": ["a"],
    "closing_workers": [],
    "closed_workers": [],
    "scheduler_address": "tls://127.0.0.1:40001",
    "dashboard_address": "http://127.0.0.1:40002",
    "api_address": "http://127.0.0.1:40003",
}


def test_what_a_scheduler_says_is_passed_on_without_what_nobody_reads():
    assert checked_heartbeat({**GOOD, "more": 1}) == GOOD
    assert checked_heartbeat({**GOOD, "dashboard_address": ""})["dashboard_address"] == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"count": True},
        {"count": -1},
        {"count": "2"},
        {"count": None},
        {"active_workers": "abc"},
        {"closed_workers": [1]},
        {"closing_workers": ["x" * 400]},
        {"api_address": "http://127.0.0.1:80"},
        {"api_address": "file:///etc/passwd"},
        {"api_address": "http://127.0.0.1:40003\r\nHost: x"},
        {"api_address": "http://127.0.0.1:99999"},
        {"dashboard_address": "https://127.0.0.1:40003"},
        {"scheduler_address": ""},
        {"scheduler_address": "tcp://127.0.0.1:40003"},
    ],
    ids=repr,
)
def test_a_scheduler_can_not_make_the_gateway_read_anything_else(changed):
    with pytest.raises(PublicException, match=r"heartbeat must be .*\."):
        checked_heartbeat({**GOOD, **changed})


@given(st.dictionaries(st.sampled_from([*GOOD, "x"]), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_any_message_is_read_or_refused(message):
    with pytest.raises(PublicException):
        checked_heartbeat(message)

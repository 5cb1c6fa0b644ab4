import pytest

from qhub_hub.dask.person import UnreadablePerson, read_person

GOOD = {
    "identity": {
        "name": "ann",
        "posix": "ann",
        "uid": 100_001,
        "gid": 100_001,
        "groups": [{"name": "data", "posix": "data", "gid": 70_000, "directory": "data", "members": ["ann"]}],
        "directory": "ann",
        "home": "/home/ann",
        "shell": "/bin/bash",
        "gecos": "",
        "admin": False,
    },
    "passwd": "ann:x:100001:100001::/home/ann:/bin/bash\n",
    "group": "data:x:70000:ann\n",
    "server_running": True,
}


def test_the_hubs_answer_is_read_whole():
    found = read_person(GOOD)
    assert (found.identity.uid, found.identity.gids, found.identity.group_names) == (100_001, (70_000,), {"data"})
    assert found.server_running


@pytest.mark.parametrize(
    ("paid", "found"),
    [({}, None), ({"paid_today": None}, None), ({"paid_today": {"": 1.5, "data": 20.0}}, {"": 1.5, "data": 20.0})],
    ids=["an older hub", "not asked for", "costs"],
)
def test_what_was_paid_today_is_known_where_the_hub_says_it(paid, found):
    assert read_person({**GOOD, **paid}).paid_today == found


@pytest.mark.parametrize(
    "changed",
    [
        [],
        None,
        {**GOOD, "server_running": 1},
        {**GOOD, "passwd": None},
        {**GOOD, "paid_today": {"": -1.0}},
        {**GOOD, "paid_today": {"": float("nan")}},
        {**GOOD, "identity": {**GOOD["identity"], "uid": "0"}},
        {**GOOD, "identity": {**GOOD["identity"], "uid": 0}},
        {**GOOD, "identity": {**GOOD["identity"], "gid": True}},
        {**GOOD, "identity": {**GOOD["identity"], "groups": [{"name": "data"}]}},
    ],
    ids=[
        "a list",
        "nothing",
        "no truth",
        "no text",
        "a cost below nothing",
        "no cost",
        "text for a number",
        "root",
        "true for a number",
        "half a group",
    ],
)
def test_an_answer_that_is_no_person_gives_nobody_a_cluster(changed):
    with pytest.raises(UnreadablePerson):
        read_person(changed)

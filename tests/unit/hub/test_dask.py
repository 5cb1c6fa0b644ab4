from datetime import UTC, datetime

import pytest
from traitlets.config.loader import LazyConfigValue

from qhub_hub.hub.dask import ACCESS
from qhub_hub.hub.dask_usage import ClusterRuns
from qhub_hub.hub.service_api import open_to_users
from qhub_hub.hub.usage import UsageRecord
from qhub_hub.hub.usage_report import Question, report

SHARE = {"clusters": 0, "workers": 0, "cpu": 0.0, "memory": 0, "gpu": 0, "price_per_hour": 0.0}
SUMMARY = {
    "version": 1,
    "profile": "small",
    "size": "",
    "environment": "",
    "groups": ["data"],
    "node_group": "user",
    "empty": {**SHARE, "clusters": 1, "price_per_hour": 1.0},
    "worker": {**SHARE, "workers": 1, "price_per_hour": 2.0},
    "currency": "USD",
    "max_age": 0,
    "most_workers": 10,
    "adaptive": [0, 4],
    "stop_with_server": True,
}


def appended():
    roles = LazyConfigValue()
    roles.append({"name": "culler", "scopes": []})
    return roles


@pytest.mark.parametrize(
    ("roles", "before"),
    [([], ["self"]), (appended(), ["self"]), ([{"name": "user", "scopes": ["read:x"]}], ["read:x"])],
    ids=["none", "only appended ones", "a site's own"],
)
def test_every_user_of_the_hub_may_use_the_gateway_and_keeps_what_they_had(roles, before):
    found = open_to_users(roles, ACCESS)
    assert [role["scopes"] for role in found if role["name"] == "user"] == [[*before, ACCESS]]
    assert len({role["name"] for role in found}) == len(found)


def test_a_cluster_is_recorded_once_per_number_of_workers_until_it_is_reported_no_more(tmp_path):
    record = UsageRecord(f"sqlite:///{tmp_path}/usage.sqlite")
    runs = ClusterRuns(record)
    for workers in (0, 3, 3):
        runs.report([{"name": "abc", "user": "ann", "workers": workers, "summary": SUMMARY}])
    runs.report([{"name": "abc", "user": "ann", "workers": "3", "summary": SUMMARY}, {"name": 1}, {}])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    found = report(record.database, Question(since, datetime(2100, 1, 1, tzinfo=UTC)))
    assert [(line.name, line.servers) for line in found.people] == [("ann", 2)]
    assert [line.name for line in found.groups] == ["data"]
    assert record.close_open(set()) == 0
    record.database.close()

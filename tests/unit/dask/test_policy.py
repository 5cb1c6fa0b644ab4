import time
from types import SimpleNamespace

import pytest

from qhub_hub.dask.hub_api import HubUnavailable, NoSuchPerson
from qhub_hub.dask.policy import PolicyMixin, lost_right
from qhub_hub.sessions import ClusterRequest, cluster_summary, make_cluster_plan, read_cluster_summary

HEARTBEAT = {
    "active_workers": [],
    "closing_workers": [],
    "closed_workers": [],
    "scheduler_address": "tls://127.0.0.1:40001",
    "dashboard_address": "",
    "api_address": "http://127.0.0.1:40003",
}


class Backend:
    """Clusters that are no more than records."""

    def __init__(self, parent=None):
        self.parent = parent
        self.clusters = {}
        self.heard = []

    async def list_clusters(self, username=None, statuses=None):
        return list(self.clusters.values())

    async def get_cluster(self, name, wait=False):
        return self.clusters.get(name)

    async def stop_cluster(self, name, failed=False):
        del self.clusters[name]

    async def on_cluster_heartbeat(self, name, message):
        self.heard.append((name, message["count"]))


class Looked(PolicyMixin, Backend):
    pass


class Hub:
    def __init__(self, people):
        self.people = people
        self.reports = []

    async def person(self, name):
        found = self.people[name]
        if isinstance(found, Exception):
            raise found
        return found

    async def report(self, clusters):
        self.reports.append(clusters)


@pytest.fixture
def looked(config_of):
    """Makes a backend with running clusters, by name: `(owner, seconds since its start)`."""

    def make(people, clusters, **parts):
        site = config_of(**parts)
        values = SimpleNamespace(config=site, catalogue=(), refresh=lambda log: None)
        hub = Hub({person.identity.name: person for person in people})
        backend = Looked(SimpleNamespace(hub=hub, values=values))
        backend.log = SimpleNamespace(**dict.fromkeys(("info", "warning", "error"), lambda *words: None))
        for name, (owner, age) in clusters.items():
            plan = make_cluster_plan(site, owner.identity, ClusterRequest())
            backend.clusters[name] = SimpleNamespace(
                name=name,
                username=owner.identity.name,
                config={"summary": cluster_summary(plan)},
                start_time=(time.time() - age) * 1000,
                dashboard_address="",
            )
        return backend, hub

    return make


async def test_clusters_of_people_who_may_have_them_go_on_and_are_reported(looked, person):
    ann = person("ann", "data")
    backend, hub = looked([ann], {"a": (ann, 10)})
    await backend.sweep()
    assert [report["user"] for report in hub.reports[0]] == ["ann"]
    assert list(backend.clusters) == ["a"]


@pytest.mark.parametrize("found", ["gone", "without group"])
async def test_clusters_of_somebody_deleted_or_out_of_a_group_end(looked, person, found):
    ann, bob = person("ann", "data"), person("bob")
    backend, hub = looked([ann, bob], {"a": (ann, 10), "b": (bob, 10)})
    hub.people["ann"] = NoSuchPerson("ann") if found == "gone" else person("ann")
    await backend.sweep()
    assert list(backend.clusters) == ["b"]


async def test_clusters_end_when_no_server_of_the_owner_runs_but_not_while_it_restarts(looked, person, monkeypatch):
    ann = person("ann")
    backend, hub = looked([ann], {"a": (ann, 10)})
    hub.people["ann"] = person("ann", server_running=False)
    await backend.sweep()
    assert list(backend.clusters) == ["a"]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 16)
    await backend.sweep()
    assert not backend.clusters


async def test_clusters_outlive_the_server_where_the_values_say_so(looked, person, monkeypatch):
    ann = person("ann")
    backend, hub = looked([ann], {"a": (ann, 10)}, dask={"stopWithServer": False})
    hub.people["ann"] = person("ann", server_running=False)
    now = time.monotonic()
    for later in (0, 1000):
        monkeypatch.setattr(time, "monotonic", lambda later=later: now + later)
        await backend.sweep()
    assert list(backend.clusters) == ["a"]


async def test_a_cluster_ends_at_its_age_even_while_the_hub_is_away(looked, person):
    ann = person("ann")
    backend, hub = looked([ann], {"old": (ann, 3601), "new": (ann, 10)}, dask={"maxAge": "1h"})
    hub.people["ann"] = HubUnavailable("down")
    await backend.sweep()
    assert list(backend.clusters) == ["new"]


async def test_a_cluster_whose_plan_can_not_be_read_ends(looked, person):
    ann = person("ann")
    backend, _ = looked([ann], {"a": (ann, 10)})
    backend.clusters["a"].config = {}
    await backend.sweep()
    assert not backend.clusters


@pytest.mark.parametrize(
    ("limits", "others", "granted"),
    [
        ({}, 0, 100),
        ({"everyone": {"dask": {"workers": 7}}}, 0, 7),
        ({"everyone": {"dask": {"workers": 7}}}, 5, 2),
        ({"everyone": {"dask": {"workers": 7}}}, 9, 0),
    ],
    ids=["the values' most", "a limit", "what the other cluster leaves", "nothing left"],
)
async def test_a_scheduler_is_granted_what_limits_leave_whatever_it_asks_for(looked, person, limits, others, granted):
    ann = person("ann")
    backend, _ = looked([ann], {"a": (ann, 10), "b": (ann, 10)}, limits=limits)
    backend.workers["b"] = others
    await backend.on_cluster_heartbeat("a", {**HEARTBEAT, "count": 10**9})
    assert backend.heard == [("a", granted)]


def test_a_running_cluster_is_kept_when_only_limits_or_environments_changed(config_of, person):
    ann = person("ann", "data")
    summary = read_cluster_summary(cluster_summary(make_cluster_plan(config_of(), ann.identity, ClusterRequest())))
    assert lost_right(config_of(limits={"everyone": {"dask": {"clusters": 0}}}), ann, summary) == ""
    closed = config_of(profiles={"small": {"cpu": {"limit": 1}, "allowedGroups": ["gpu"]}})
    assert "is not available to you" in lost_right(closed, ann, summary)

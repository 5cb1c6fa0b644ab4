"""What ran and what it cost, as people, administrators, monitors and limits see it on a real hub."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.terminal import WORK, type_into_terminal
from qhub_hub.testing.waiting import eventually

VALUES = """
qhub:
  users: {ann: {}, bob: {}, uma: {}, vic: {}, xia: {}, yan: {}, zoe: {}}
  groups:
    data: {members: [ann, bob]}
  nodeGroups:
    user: {cpu: 8, memory: "32Gi"}
  profiles:
    cheap: {displayName: Cheap, cpu: {limit: 1}, memory: {limit: "2Gi"}, price: 0.5}
    idle: {displayName: Idle, cpu: {limit: 1}, memory: {limit: "2Gi"}, culling: {idle: 20s}}
    aged: {displayName: Aged, cpu: {limit: 1}, memory: {limit: "2Gi"}, culling: {idle: 0, maxAge: 25s}}
    dear: {displayName: Dear, cpu: {limit: 1}, memory: {limit: "2Gi"}, price: 3}
  limits:
    everyone: {costPerDay: 2}
    users:
      bob: {}
    groups:
      data: {costPerDay: 5}
"""


@pytest.fixture(scope="module")
def hub(qhub_up: Callable[..., RunningHub]) -> Iterator[RunningHub]:
    """A hub of this file's own, as everything on it is counted; each test has people of its own."""
    running = qhub_up("usage", VALUES)
    yield running
    running.stop()


def usage(hub: RunningHub, *arguments: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "qhub_hub", "usage", "--state", str(hub.state), "--json", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_a_server_that_does_not_fit_the_days_cost_is_refused_in_a_sentence(hub: RunningHub) -> None:
    answer = hub.person("vic").start({"profile": "dear"})
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        "Your servers have cost 0.00 USD today (UTC) of at most 2.00 USD a day, and an hour of this one costs 3.00 USD "
        "more (qhub.limits.everyone.costPerDay). Choose a cheaper one, or start it after midnight UTC."
    )


def test_administrators_see_everybodys_use_and_others_their_own(hub: RunningHub) -> None:
    ann, bob, admin = hub.person("ann"), hub.person("bob"), hub.person("admin")
    assert ann.start({"profile": "dear"}).status_code == 403
    for person, profile in ((ann, "cheap"), (bob, "dear")):
        assert person.start({"profile": profile}).status_code in (201, 202)
    page = admin.http.get("/hub/qhub/usage?period=today").text
    assert "ann" in page
    assert "bob" in page
    assert "By group" in page
    own = ann.http.get("/hub/qhub/usage")
    assert own.status_code == 200
    assert "Your usage" in own.text
    assert "cheap" in own.text
    assert "bob" not in own.text
    assert "dear" not in own.text
    assert admin.http.get("/hub/qhub/usage?period=<b>").status_code == 400
    found = usage(hub, "--since", "1h")
    servers = {line["name"]: line["servers"] for line in found["people"]}
    assert (servers["ann"], servers["bob"]) == (1, 1)
    assert {line["name"]: line["servers"] for line in found["groups"]}["data"] == 2
    metrics = admin.http.get("/hub/metrics").text
    assert 'qhub_running_servers{profile="dear"} 1.0' in metrics
    assert 'qhub_running_servers_of_group{group="data"} 2.0' in metrics
    assert 'qhub_running_price_per_hour{currency="USD"} 3.5' in metrics
    assert 'qhub_spawns_total{outcome="started",profile="cheap"} 1.0' in metrics
    assert 'qhub_spawns_total{outcome="limit",profile=""} ' in metrics
    for person in (ann, bob):
        person.stop()
    assert 'qhub_running_servers{profile="dear"} 0.0' in admin.http.get("/hub/metrics").text
    before = usage(hub, "--user", "ann")["total"]["hours"]
    assert usage(hub, "--user", "ann")["total"]["hours"] == before, "the run is closed"


def test_a_run_is_closed_by_the_next_start_when_hub_and_server_died(hub: RunningHub) -> None:
    uma = hub.person("uma")
    assert uma.start({"profile": "cheap"}).status_code in (201, 202)
    hub.kill()
    hub.start()  # takes the surviving server up
    uma = hub.person("uma")
    assert uma.server()["ready"]
    running = usage(hub, "--user", "uma")["total"]
    uma.stop()
    ended = usage(hub, "--user", "uma")["total"]
    assert ended["servers"] == running["servers"], "the surviving server is still the same run"
    assert ended["hours"] >= running["hours"]


def test_the_culler_ends_what_is_idle_or_old_but_no_job_that_works_on_after_its_terminal(hub: RunningHub) -> None:
    idle, aged, works = (hub.person(name) for name in ("zoe", "yan", "xia"))
    for person, profile in ((idle, "idle"), (aged, "aged"), (works, "idle")):
        assert person.start({"profile": profile}).status_code in (201, 202)
    type_into_terminal(works, f"(setsid timeout 300 sh -c '{WORK}' >/dev/null 2>&1 &)")
    eventually(lambda: not (idle.server() or aged.server()))
    assert works.server()["ready"]
    works.stop()
    with sqlite3.connect(f"file:{hub.state}/databases/usage.sqlite?mode=ro", uri=True) as record:
        ends = dict(record.execute("select user, reason from qhub_runs").fetchall())
    record.close()
    assert (ends["zoe"], ends["yan"], ends["xia"]) == ("idle", "max-age", "stopped")

"""`helm upgrade` that changes the section qhub: the running hub follows, and nothing is restarted."""

import time
from collections.abc import Callable

import pytest

from tests.cluster.kubernetes import CHART, helm, until
from tests.cluster.release import Release, qhub

BASE = """
qhub:
  signIn: {{allow: everyone, revocationSeconds: 20}}
  groups:
    lab: {{members: [{members}]}}
  profiles:
    small: {{displayName: Small, cpu: {{guarantee: 0.05, limit: 2}}, memory: {{guarantee: "128Mi", limit: "2Gi"}}}}
    bench:
      displayName: Bench
      order: 40
      allowedGroups: [lab]
      cpu: {{guarantee: 0.05, limit: 2}}
      memory: {{guarantee: "128Mi", limit: "2Gi"}}
    medium: null
    share: null
    {more}
"""
SECRET_FOLLOWED = 150  # seconds; the kubelet brings a changed Secret to its pods about once a minute


def values(members: str = "ann, bob", more: str = "") -> str:
    return BASE.format(members=members, more=more)


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A release whose values these tests change."""
    return new_release().install(values())


def cards(release: Release, name: str) -> str:
    """The spawn page, as somebody sees it."""
    person = release.person(name)
    try:
        return person.http.get("/hub/spawn").text
    finally:
        release.leave(person)


def test_a_new_card_appears_and_who_left_a_group_loses_their_server(
    release: Release, figure: Callable[[str, float], None]
) -> None:
    release.upgrade(values())
    ann, bob = release.started("ann", profile="bench"), release.started("bob", profile="bench")
    hub, kept = release.uid("hub"), (release.server_pod("bob") or {})["metadata"]["uid"]
    release.upgrade(values(members="bob", more="fresh: {displayName: Fresh, cpu: {limit: 1}}"))
    began = time.monotonic()
    until("the new card is there", lambda: "Fresh" in bob.http.get("/hub/spawn/bob/second").text, SECRET_FOLLOWED, 1)
    figure("helm upgrade → the running hub shows a new card", began)
    until("ann's server is gone", lambda: release.server_pod("ann") is None, 30)
    figure("helm upgrade → the server of who left the group is gone", began)
    until("ann is told why", lambda: "Your server was stopped" in ann.http.get("/hub/home").text, 10)
    assert ann.start({"profile": "bench"}).status_code == 403
    assert (release.server_pod("bob") or {})["metadata"]["uid"] == kept
    assert release.uid("hub") == hub
    for person in (ann, bob):
        release.leave(person)


def test_a_value_that_only_the_hub_can_judge_is_reported_and_the_hub_goes_on(release: Release) -> None:
    hub = release.uid("hub")
    # The schema knows no groups: this one is not there.
    release.upgrade(values(more="odd: {displayName: Odd, allowedGroups: [lba], cpu: {limit: 1}}"))
    until("the log tells", lambda: "lba" in release.hub_log(), SECRET_FOLLOWED, 2)
    (line,) = {line for line in release.hub_log().splitlines() if "lba" in line}
    assert "qhub.profiles.odd.allowedGroups" in line
    assert "Odd" not in cards(release, "ann"), "half of the new values is in force"
    assert "Small" in cards(release, "ann")
    assert "lba" in cards(release, "admin"), "administrators are not told"
    assert "lba" not in cards(release, "ann"), "people are told what only administrators can mend"
    assert release.uid("hub") == hub
    doctor = qhub("doctor", "--namespace", release.namespace)
    assert doctor.returncode == 1
    assert "lba" in doctor.stdout, doctor.stdout


def test_a_typo_is_refused_at_helm_upgrade_and_nothing_changes(release: Release) -> None:
    before = {pod["metadata"]["uid"] for pod in release.objects("pods")}
    words = ("upgrade", release.name, str(CHART), "--namespace", release.namespace)
    ended = helm(*words, values=values(more="typo: {displayNaem: Typo}"))
    assert ended.returncode != 0
    assert "displayNaem" in ended.stderr
    assert before == {pod["metadata"]["uid"] for pod in release.objects("pods")}

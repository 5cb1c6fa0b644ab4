"""The values file is followed while the hub runs."""

from collections.abc import Callable

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import eventually

Up = Callable[..., RunningHub]

BEFORE = """
qhub:
  users: {ann: {}, bob: {}}
  groups: {gpu: {members: [ann]}}
  profiles:
    small: null
    medium: null
    share: null
    gpu: {displayName: Accelerated, cpu: {limit: 1}, memory: {limit: "2Gi"}, allowedGroups: [gpu]}
    plain: {displayName: Plain, cpu: {limit: 1}, memory: {limit: "2Gi"}}
"""

WITHIN = 2.0  # seconds, as promised


def refused(person: Person, profile: str) -> bool:
    answer = person.start({"profile": profile})
    if answer.status_code in (201, 202):
        person.stop()
    return answer.status_code == 403


def test_a_change_is_in_force_within_two_seconds_and_a_broken_file_changes_nothing(qhub_up: Up) -> None:
    hub = qhub_up("live", BEFORE)
    path = hub.values[0]
    bob, admin = hub.person("bob"), hub.person("admin")
    assert refused(bob, "gpu")
    assert "Only for members of gpu" in bob.http.get("/hub/spawn").text

    path.write_text(BEFORE.replace("members: [ann]", "members: [ann, bob]"))
    eventually(lambda: "Only for members" not in bob.http.get("/hub/spawn").text, WITHIN)
    assert not refused(bob, "gpu")

    path.write_text(BEFORE.replace("members: [ann]", "membres: []"))

    def status() -> dict[str, object]:
        return admin.api("GET", "/qhub/status").json()["values"]

    eventually(lambda: not status()["ok"], WITHIN)
    answer = admin.api("GET", "/qhub/status")
    assert answer.status_code == 503
    problem = "\n".join(status()["problems"])
    assert f"{path}:4: " in problem
    assert "members" in problem, "no suggestion for membres"
    for page in ("/hub/admin", "/hub/home"):
        assert "membres" in admin.http.get(page).text, f"{page} is silent"
    assert "membres" not in bob.http.get("/hub/home").text, "only administrators can mend it"
    assert "membres" in (hub.state / "logs" / "hub.log").read_text()
    assert not refused(bob, "gpu"), "the last good file is in force"

    path.write_text(BEFORE)
    eventually(lambda: status()["ok"], WITHIN)
    assert refused(bob, "gpu")


def test_status_is_for_administrators(qhub_up: Up) -> None:
    hub = qhub_up("live-status")
    assert hub.person("zoe").api("GET", "/qhub/status").status_code == 403

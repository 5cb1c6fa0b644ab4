"""What somebody sends who does not use the page, against the real API: no pod, a sentence, nothing remembered."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import until
from tests.cluster.release import Release

# One list for both spawners, and for the fake and the real API.
FORGED: dict[str, tuple[Any, int]] = runpy.run_path(
    str(Path(__file__).parents[1] / "hub" / "test_forged_requests.py"), run_name="forged"
)["FORGED"]
BYPASS = "image--unlisted-choice"


def remembered(person: Person) -> object:
    """What the hub would start if it were not told."""
    model = person.api("GET", f"/users/{person.name}?include_stopped_servers").json()
    return model["servers"].get("", {}).get("user_options")


def traces(team: Release, name: str) -> list[str]:
    """Pods of somebody, and those that ever were."""
    events = team.objects("events")
    told = [event["message"] for event in events if event["involvedObject"]["name"].startswith(f"jupyter-{name}")]
    return [*told, *([name] if team.server_pod(name) else [])]


def assert_a_sentence(text: str) -> None:
    assert text.endswith((".", "!", ")"))
    assert len(text) < 500
    assert "Traceback" not in text


def test_rest_refuses_forgets_and_creates_nothing(team: Release, sign_in: Callable[[str], Person]) -> None:
    mallory = sign_in("mallory")
    for case, (options, status) in FORGED.items():
        answer = mallory.start(options)
        assert answer.status_code == status, f"{case}: {answer.text}"
        assert_a_sentence(answer.json()["message"])
        assert remembered(mallory) in ({}, None), case
    assert traces(team, "mallory") == []


@pytest.mark.parametrize(
    "form",
    [
        {BYPASS: "evil/x:1"},
        {"profile": "small", BYPASS: "evil/x:1"},
        {"profile": "near"},
        {"profile": ["small", "gpu"]},
    ],
    ids=["no profile", "with a profile", "foreign", "two profiles"],
)
def test_the_form_shows_the_page_again(team: Release, sign_in: Callable[[str], Person], form: dict[str, Any]) -> None:
    trudy = sign_in("trudy")
    answer = trudy.submit(form)
    assert answer.status_code in (400, 403)
    assert "Traceback" not in answer.text
    assert traces(team, "trudy") == []


def test_options_patched_in_by_an_administrator_are_checked_at_the_start(
    team: Release, sign_in: Callable[[str], Person]
) -> None:
    admin, victor = sign_in("admin"), sign_in("victor")
    assert victor.start({"profile": "small"}).status_code in (201, 202)
    victor.stop()
    patched = admin.api("PATCH", "/users/victor/servers/", {"user_options": {BYPASS: "evil/x:1"}})
    assert patched.status_code in (200, 400, 403, 405), patched.text
    refused = victor.start()
    assert refused.status_code in (201, 202, 400, 403), refused.text
    if pod := team.server_pod("victor"):
        assert "evil" not in pod["spec"]["containers"][0]["image"]


def test_nobody_starts_or_stops_the_server_of_another(team: Release, sign_in: Callable[[str], Person]) -> None:
    mallory = sign_in("mallory")
    sign_in("alice")
    for method in ("POST", "DELETE"):
        assert mallory.api(method, "/users/alice/server", {"profile": "small"}).status_code in (403, 404)
    assert traces(team, "alice") == []


def test_two_starts_at_once_give_one_pod(team: Release, sign_in: Callable[[str], Person]) -> None:
    peggy = sign_in("peggy")
    first = peggy.api("POST", "/users/peggy/server", {"profile": "small"})
    second = peggy.api("POST", "/users/peggy/server", {"profile": "sized", "size": "two"})
    assert first.status_code in (201, 202)
    assert second.status_code in (202, 400)
    until("peggy's server runs", lambda: peggy.server().get("ready"))
    assert team.server_pod("peggy")["metadata"]["labels"]["qhub/profile"] == "small"  # type: ignore[index]

"""What somebody sends who does not use the page, through KubeSpawner: no pod, a sentence, and nothing remembered."""

import asyncio
import runpy
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.testing.one_machine import Person

# One list for both spawners.
FORGED: dict[str, tuple[Any, int]] = runpy.run_path(
    str(Path(__file__).parents[1] / "hub" / "test_forged_requests.py"), run_name="forged"
)["FORGED"]

BYPASS = "image--unlisted-choice"


async def remembered(hub: Any, name: str) -> object:
    model = (await hub.api("GET", f"/users/{name}?include_stopped_servers")).json()
    return model["servers"].get("", {}).get("user_options")


def assert_a_sentence(text: str) -> None:
    assert text.endswith((".", "!", ")"))
    assert len(text) < 500
    assert "Traceback" not in text
    assert 'File "' not in text


@pytest.fixture
async def refusing(hub: Any, created: Any) -> Any:
    """The hub; no pod may have been created when the test is over."""
    yield hub
    assert created() == []


async def test_rest_refuses_forgets_and_creates_nothing(refusing: Any) -> None:
    for case, (options, status) in FORGED.items():
        answer = await refusing.start_server("bob", options)
        assert answer.status_code == status, f"{case}: {answer.text}"
        assert_a_sentence(answer.json()["message"])
        assert not await refusing.server("bob"), case
        assert await remembered(refusing, "bob") in ({}, None), case


@pytest.mark.parametrize("body", [[], "small", 1, True, ["profile", "small"]], ids=repr)
async def test_options_that_are_not_a_map_are_refused(refusing: Any, body: Any) -> None:
    answer = await refusing.start_server("bob", {"user_options": body})
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("wrapped", [True, False], ids=["user_options", "bare"])
async def test_kubespawners_own_way_to_any_image_is_closed_by_rest(refusing: Any, wrapped: bool) -> None:
    options = {BYPASS: "evil/x:1"}
    answer = await refusing.start_server("bob", {"user_options": options} if wrapped else options)
    assert answer.status_code == 400
    assert await remembered(refusing, "bob") in ({}, None)


@pytest.mark.parametrize(
    "form",
    [
        {BYPASS: "evil/x:1"},
        {"profile": "small", BYPASS: "evil/x:1"},
        {"profile": "small", f"profile-option-small--{BYPASS}": "evil/x:1"},
        {"profile": "gpu"},
        {"profile": ["small", "gpu"]},
    ],
    ids=["no profile", "with a profile", "as the form of KubeSpawner", "foreign", "two profiles"],
)
async def test_the_form_shows_the_page_again_with_a_sentence(refusing: Any, form: dict[str, Any]) -> None:
    bob = await asyncio.to_thread(Person, refusing.address, "bob", "x")
    answer = await asyncio.to_thread(bob.submit, form)
    bob.close()
    assert answer.status_code in (400, 403)
    assert "Traceback" not in answer.text
    assert "spawn_form" in answer.text


@pytest.mark.parametrize(
    "query",
    [f"opt-{BYPASS}=evil/x:1", f"{BYPASS}=evil/x:1", f"opt-profile=small&opt-{BYPASS}=evil/x:1", "opt-profile=gpu"],
)
async def test_the_query_string_is_checked_as_the_form_is(refusing: Any, query: str) -> None:
    bob = await asyncio.to_thread(Person, refusing.address, "bob", "x")
    answer = await asyncio.to_thread(bob.http.get, f"/hub/spawn/bob?{query}")
    bob.close()
    assert answer.status_code in (400, 403)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("options", [{BYPASS: "evil/x:1"}, {"profile": "gpu"}], ids=["bypass", "foreign"])
async def test_options_patched_into_a_stopped_server_are_checked_at_its_start(
    hub: Any, created: Any, options: dict[str, str]
) -> None:
    assert (await hub.start_server("bob")).status_code == 201
    await hub.stop_server("bob")
    await hub.api("PATCH", "/users/bob/servers/", {"user_options": options})
    refused = await hub.start_server("bob")
    assert refused.status_code in (400, 403)
    assert (await hub.start_server("bob")).status_code == 201
    images = {pod["spec"]["containers"][0]["image"] for pod in created()}
    assert images == {"registry.example/lab:1"}


async def test_a_profile_list_of_the_site_opens_no_second_way(
    kube_hub: Any, created: Any, caplog: pytest.LogCaptureFixture
) -> None:
    evil = [{"display_name": "x", "slug": "x", "default": True, "kubespawner_override": {"image": "evil/x:1"}}]
    hub = await kube_hub(KubeSpawner={"profile_list": evil})
    assert (await hub.start_server("bob", {"profile": "x"})).status_code == 403
    assert (await hub.start_server("bob")).status_code == 201
    assert [pod["spec"]["containers"][0]["image"] for pod in created()] == ["registry.example/lab:1"]
    assert "KubeSpawner.profile_list is set and ignored" in caplog.text

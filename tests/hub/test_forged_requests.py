"""What somebody can send who does not use the page: refused with a sentence, no traceback, and not remembered."""

from collections.abc import Callable
from typing import Any

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub

FORGED: dict[str, tuple[Any, int]] = {
    "unknown profile": ({"profile": "nope"}, 403),
    "foreign profile": ({"profile": "gpu"}, 403),
    "profile that is a list": ({"profile": ["small"]}, 400),
    "profile that is a map": ({"profile": {"a": 1}}, 400),
    "profile that is a number": ({"profile": 1}, 400),
    "profile that is true": ({"profile": True}, 400),
    "unknown key": ({"profile": "small", "cpu_limit": "64"}, 400),
    "KubeSpawner's unlisted choice": ({"image--unlisted-choice": "evil/x:1"}, 400),
    "image where none is offered": ({"profile": "small", "image": "evil/x:1"}, 403),
    "unknown size": ({"profile": "sized", "size": "huge"}, 403),
    "size of another profile": ({"profile": "small", "size": "two"}, 403),
    "environment where none is offered": ({"profile": "small", "environment": "a/b"}, 403),
    "dotted path": ({"profile": "../../gpu"}, 403),
    "300,000 characters": ({"profile": "x" * 300_000}, 400),
    "newline": ({"profile": "small\ngpu"}, 403),
    "braces": ({"profile": "{username}"}, 403),
}


def remembered(person: Person) -> object:
    """What the hub would start if it were not told."""
    model = person.api("GET", f"/users/{person.name}?include_stopped_servers").json()
    return model["servers"].get("", {}).get("user_options")


def assert_a_sentence(text: str) -> None:
    assert text.endswith((".", "!", ")"))
    assert len(text) < 500
    assert "Traceback" not in text
    assert 'File "' not in text


@pytest.mark.parametrize("case", FORGED)
def test_rest_refuses_and_forgets(sign_in: Callable[[str], Person], case: str) -> None:
    bob = sign_in("bob")
    before = remembered(bob)
    options, status = FORGED[case]
    answer = bob.start(options)
    assert answer.status_code == status, answer.text
    assert_a_sentence(answer.json()["message"])
    assert not bob.server()
    assert remembered(bob) in ({}, None, before), "the refused choice was remembered"


def test_after_a_refused_start_the_next_one_without_options_works(sign_in: Callable[[str], Person]) -> None:
    bob = sign_in("bob")
    assert bob.start({"profile": "gpu"}).status_code == 403
    assert bob.start().status_code in (201, 202)
    assert bob.server()["user_options"] == {"profile": "small"}


@pytest.mark.parametrize("body", [[], "small", 1, True, ["profile", "small"]], ids=repr)
def test_options_that_are_not_a_map_are_refused(sign_in: Callable[[str], Person], body: Any) -> None:
    bob = sign_in("bob")
    answer = bob.start({"user_options": body})
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert not bob.server()


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"profile": "gpu"}, 403),
        ({"profile": "nope"}, 403),
        ({"profile": ["small", "gpu"]}, 400),
        ({"profile": "small", "mem_limit": "1T"}, 400),
        ({"profile": "sized", "size:sized": "huge"}, 403),
        ({"profile": "sized", "size:sized": ["one", "two"]}, 400),
    ],
    ids=["foreign", "unknown", "two profiles", "unknown field", "unknown size", "two sizes"],
)
def test_the_form_shows_the_page_again_with_a_sentence(
    sign_in: Callable[[str], Person], form: dict[str, Any], status: int
) -> None:
    bob = sign_in("bob")
    before = remembered(bob)
    answer = bob.submit(form)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert "spawn_form" in answer.text
    assert not bob.server()
    assert remembered(bob) in ({}, None, before), "the refused choice was remembered"


@pytest.mark.parametrize(
    "query",
    ["opt-profile=gpu", "opt-profile=nope", "opt-x=1", "profile=gpu", "opt-profile=small&opt-profile=gpu"],
)
def test_the_query_string_is_checked_as_the_form_is(sign_in: Callable[[str], Person], query: str) -> None:
    bob = sign_in("bob")
    answer = bob.http.get(f"/hub/spawn/bob?{query}")
    assert answer.status_code in (400, 403)
    assert "Traceback" not in answer.text
    assert not bob.server()


def test_options_patched_while_the_server_is_stopped_are_checked_at_the_start(
    sign_in: Callable[[str], Person], team: RunningHub
) -> None:
    bob, admin = sign_in("bob"), sign_in("admin")
    assert bob.start().status_code in (201, 202)
    bob.stop()
    patched = admin.api("PATCH", "/users/bob/servers/", {"user_options": {"profile": "gpu"}})
    refused = bob.start()
    if patched.status_code < 300:
        assert refused.status_code == 403, "JupyterHub does not check what PATCH sets; the plan must"
    again = bob.start()
    assert again.status_code in (201, 202)
    assert bob.server()["user_options"] == {"profile": "small"}


def test_nobody_starts_a_server_for_somebody_else(sign_in: Callable[[str], Person]) -> None:
    eve = sign_in("eve")
    assert eve.api("POST", "/users/ann/server").status_code == 404
    assert eve.submit({"profile": "small"}, "/hub/spawn/ann").status_code in (403, 404)


def test_an_administrator_starting_it_for_somebody_gets_the_owners_offers(
    sign_in: Callable[[str], Person],
) -> None:
    admin = sign_in("admin")
    sign_in("eve")
    refused = admin.api("POST", "/users/eve/server", {"profile": "gpu"})
    assert refused.status_code == 403


def test_the_third_server_exceeds_the_limit_of_two(sign_in: Callable[[str], Person]) -> None:
    ann = sign_in("ann")
    assert ann.start().status_code in (201, 202)
    assert ann.start(server="second").status_code in (201, 202)
    refused = ann.start(server="third")
    assert refused.status_code == 403
    assert "2" in refused.json()["message"]

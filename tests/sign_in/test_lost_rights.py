"""What happens to somebody's next start, and to what they have running, when a right is lost while the hub runs."""

import time
from collections.abc import Callable

import pytest

from qhub_hub.testing.identity_provider import Account, Faults, IdentityProvider
from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.waiting import eventually

from .conftest import Visitor, sentence

pytestmark = [pytest.mark.root]
WITHIN = 12 + 3  # revocationSeconds of the hub, and what a busy machine adds


@pytest.fixture
def working(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor]
) -> Callable[..., tuple[Visitor, Account]]:
    """Somebody with a running server on the profile."""

    def arrive(name: str, profile: str, *groups: str) -> tuple[Visitor, Account]:
        account = provider.add(name, *groups)
        person = visitor(hub, name)
        person.knock()
        assert person.start({"profile": profile}).status_code in (201, 202)
        person.wait_for()
        return person, account

    return arrive


def gone_after(hub: RunningHub, name: str, patience: float) -> float | None:
    """Seconds until the hub's log says that a server is being stopped; None: it goes on."""
    begun = time.monotonic()
    log = hub.state / "logs" / "hub.log"
    while time.monotonic() - begun < patience:
        if f"Stopping the server {name}" in log.read_text():
            return time.monotonic() - begun
        time.sleep(0.1)
    return None


def until_stopped(person: Visitor) -> None:
    eventually(lambda: not person.server(), what="it is announced but not stopped")


def test_removed_from_a_group_at_the_provider(hub: RunningHub, working: Callable[..., tuple[Visitor, Account]]) -> None:
    ann, account = working("anja", "gpu", "gpu", "boss")
    assert ann.api("GET", "/user").json()["admin"]
    account.groups = []
    assert gone_after(hub, "anja", WITHIN) is not None
    until_stopped(ann)
    assert "The profile" in ann.http.get("/hub/home").text, "the next page says why"
    assert not ann.api("GET", "/user").json()["admin"], "administrators' rights follow groups"
    answer = ann.start({"profile": "gpu"})
    assert answer.status_code == 403
    assert "is not available to you" in answer.text


def test_removed_just_before_a_start(
    hub: RunningHub, provider: IdentityProvider, visitor: Callable[..., Visitor]
) -> None:
    account = provider.add("berta", "gpu")
    berta = visitor(hub, "berta")
    berta.knock()
    account.groups = []
    assert berta.start({"profile": "gpu"}).status_code == 403


@pytest.mark.parametrize("how", ["signed out", "blocked"])
def test_signed_out_or_blocked_at_the_provider(
    hub: RunningHub, provider: IdentityProvider, working: Callable[..., tuple[Visitor, Account]], how: str
) -> None:
    name = how.replace(" ", "-")
    carl, account = working(name, "small")
    if how == "blocked":
        account.blocked = True
    else:
        provider.sign_out(name)
    assert gone_after(hub, name, WITHIN) is not None
    until_stopped(carl)
    answer = carl.start({"profile": "small"})
    assert answer.status_code == 403
    assert "no longer vouches for" in answer.text


def test_a_group_whose_folder_is_open_in_a_running_server(
    hub: RunningHub, working: Callable[..., tuple[Visitor, Account]]
) -> None:
    dora, account = working("dora", "small", "gpu")
    account.groups = []
    assert gone_after(hub, "dora", WITHIN) is not None
    until_stopped(dora)
    assert "no longer a member of gpu" in dora.http.get("/hub/home").text
    assert dora.start({"profile": "small"}).status_code in (201, 202), "without the group it starts again"
    dora.wait_for()


def test_an_outage_ends_nothing_that_runs_but_refuses_a_start(
    hub: RunningHub,
    provider: IdentityProvider,
    working: Callable[..., tuple[Visitor, Account]],
    visitor: Callable[..., Visitor],
) -> None:
    emil, _ = working("emil", "small")
    provider.add("fritz")
    fritz = visitor(hub, "fritz")
    fritz.knock()
    for fault in ("outage", "garbage"):
        provider.faults = Faults(**{fault: True})
        answer = fritz.start({"profile": "small"})
        assert answer.status_code == (503 if fault == "outage" else 403)
        assert "OpenID Connect" in answer.text
    assert gone_after(hub, "emil", WITHIN) is None
    assert emil.server()["ready"]
    door = visitor(hub, "emil").http.get("/hub/oauth_login")
    assert door.status_code == 200 or "does not answer" in sentence(door)


def test_an_expired_token_is_renewed_as_often_as_needed_or_refuses_the_next_start_only(
    hub: RunningHub, provider: IdentityProvider, working: Callable[..., tuple[Visitor, Account]]
) -> None:
    provider.lifetime = 1.0
    provider.faults.no_refresh_tokens = True
    hugo, _ = working("hugo", "small")
    provider.faults.no_refresh_tokens = False
    greta, _ = working("greta", "small")
    assert gone_after(hub, "greta", WITHIN) is None, "rotating refresh tokens were used twice, or not kept"
    assert greta.server()["ready"]
    assert hugo.server()["ready"], "nothing is known against him"
    answer = hugo.start({"profile": "small"}, server="second")
    assert answer.status_code == 403
    assert "has expired" in answer.text


def test_removed_in_the_values_file(hub: RunningHub, working: Callable[..., tuple[Visitor, Account]]) -> None:
    ann, _ = working("ann", "small")
    path = hub.values[0]
    path.write_text(path.read_text().replace("members: [ann]", "members: []"))
    assert gone_after(hub, "ann", 4) is not None, "a change of the file is in force at once"
    until_stopped(ann)

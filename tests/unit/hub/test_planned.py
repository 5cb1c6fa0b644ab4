"""What a spawner remembers of its plan, with no hub around it."""

import logging
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException

from qhub_hub.config.models import Config
from qhub_hub.hub import planned
from qhub_hub.hub.planned import PlannedMixin, refused_with_a_sentence, spawn_error
from qhub_hub.identity import Memberships, PreviewStore, identity_of
from qhub_hub.sessions import Plan, Rejected, Usage, make_plan, parse_request, read_summary, summary


class Bare:
    """What a spawner class of JupyterHub does with its state."""

    def get_state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass

    def clear_state(self) -> None:
        pass


class Spawner(PlannedMixin, Bare):
    """Only the part that remembers."""


def plan(profile: str) -> Plan:
    config = Config.model_validate({"nodeGroups": {"user": {}}, "profiles": {"small": {}, "large": {}}})
    identity = identity_of(Memberships(config), PreviewStore(), "ann", frozenset())
    return make_plan(config, identity, parse_request({"profile": profile}, ""), (), Usage())


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each time that a summary is read."""
    read: list[object] = []

    def reading(stored: object) -> Any:
        read.append(stored)
        return read_summary(stored)

    monkeypatch.setattr(planned, "read_summary", reading)
    return read


def test_what_was_decided_is_read_once_and_anew_for_every_plan(readings: list[object]) -> None:
    spawner = Spawner()
    assert spawner.decided is None
    for profile in ("small", "large"):
        spawner.plan = plan(profile)
        assert [spawner.decided and spawner.decided.profile for _ in range(100)] == [profile] * 100
    assert len(readings) == 2
    spawner.clear_state()
    assert spawner.decided is None


def test_a_server_that_outlived_the_hub_is_read_from_its_state() -> None:
    spawner = Spawner()
    spawner.load_state({"qhub": summary(plan("large"))})
    assert spawner.decided is not None
    assert spawner.decided.profile == "large"
    spawner.load_state({"qhub": {"version": 1, "profile": "forged"}})
    assert spawner.decided is None
    assert spawner.get_state() == {}


@pytest.mark.parametrize(
    ("raised", "message", "reason"),
    [
        (Rejected("limit", "Too many."), "Too many.", "limit"),
        (spawn_error("Too many names.", "identity", 403), "Too many names.", "identity"),
        (KeyError("secret"), "An error inside the hub keeps your server from starting.", "unavailable"),
    ],
    ids=["a rejection", "what has its sentence", "a bug"],
)
def test_people_read_the_sentence_that_was_written_for_them(raised: Exception, message: str, reason: str) -> None:
    with pytest.raises(SpawnException) as caught, refused_with_a_sentence("testing", logging.getLogger("silent")):
        raise raised
    assert caught.value.reason == reason
    assert str(caught.value.jupyterhub_message).startswith(message)

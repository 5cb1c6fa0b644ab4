"""What a spawner remembers of its plan, with no hub around it."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException

from qhub_hub.config.models import Config
from qhub_hub.hub import planned
from qhub_hub.hub.planned import PlannedMixin, refused_with_a_sentence, spawn_error
from qhub_hub.identity import Memberships, PreviewStore, identity_of
from qhub_hub.sessions import Plan, Rejected, Usage, make_plan, parse_request, read_summary, summary


class Database:
    """Counts what is written."""

    commits = 0

    def commit(self) -> None:
        self.commits += 1


class Bare:
    """What a spawner class of JupyterHub does with its state."""

    def __init__(self, stored: Any = None, running: bool = True) -> None:
        self.db = Database()
        self.orm_spawner = SimpleNamespace(server=object() if running else None, state=stored, user_options={})
        if stored:
            self.load_state(stored)

    def get_state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass

    def clear_state(self) -> None:
        pass


class Spawner(PlannedMixin, Bare):
    """Only the part that remembers."""

    def start(self, profile: str) -> None:
        """Plan, then what `User.spawn` does with the state (JupyterHub 6.1)."""
        self.plan = plan(profile)
        self._write_down({"profile": profile})
        self._save()

    def end(self) -> None:
        """What `User.stop` does with the state."""
        self.clear_state()
        self._save()

    def _save(self) -> None:
        if self.orm_spawner.state != (state := self.get_state()):
            self.orm_spawner.state = state
            self.db.commit()


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


def test_choice_and_plan_are_in_the_database_before_anything_waits() -> None:
    spawner = Spawner(running=False)
    spawner.plan = plan("large")
    spawner._write_down({"profile": "large"})
    assert spawner.user_options == spawner.orm_spawner.user_options == {"profile": "large"}
    assert spawner.orm_spawner.state == {"qhub": summary(plan("large"))}
    assert spawner.db.commits == 1


def test_a_server_that_is_started_as_it_was_before_has_nothing_to_write() -> None:
    first = Spawner(running=False)
    first.start("large")
    first.end()
    assert first.db.commits == 1
    assert first.decided is None
    again = Spawner(first.orm_spawner.state, running=False)
    again.orm_spawner.user_options = {"profile": "large"}
    again.start("large")
    assert again.db.commits == 0
    again.end()
    other = Spawner(again.orm_spawner.state, running=False)
    other.start("small")
    assert other.orm_spawner.state == {"qhub": summary(plan("small"))}


def test_what_an_ended_server_had_counts_for_nothing_after_a_restart_of_the_hub() -> None:
    stored = {"qhub": summary(plan("large"))}
    assert Spawner(stored).decided is not None
    assert Spawner(stored, running=False).decided is None
    assert Spawner(stored, running=False).summary() is None


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

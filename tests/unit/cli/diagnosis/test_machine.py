"""One machine: what is damaged or open to others is named."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from qhub_hub.cli.diagnosis.machine import diagnose_machine
from qhub_hub.cli.state import StateFolder
from qhub_hub.identity import HighWater
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Provisioner, claim_realm


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A state folder in which one person is known."""
    made = StateFolder(tmp_path / "state")
    made.secret("cookie")
    store = IdentityStore(f"sqlite:///{made.identities}")
    store.user("ann")
    store.close()
    with closing(sqlite3.connect(made.database)) as connection:
        connection.execute("create table users (name text)")
    return made


def spoilt_values(state: StateFolder) -> None:
    (state.path / "values.yaml").write_text("qhub:\n  usrs: {}\n")


def spoilt_database(state: StateFolder) -> None:
    state.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)


def open_secret(state: StateFolder) -> None:
    state.secret_path("cookie").chmod(0o644)


def short_secret(state: StateFolder) -> None:
    state.secret_path("cookie").write_text("x")


def newer_files(state: StateFolder) -> None:
    store = IdentityStore(f"sqlite:///{state.identities}")
    with Provisioner(state.files, own_ids=False) as share:
        claim_realm(share, HighWater(store.realm, 100_500, 0))
    store.close()


@pytest.mark.parametrize(
    ("spoil", "subject", "what"),
    [
        (spoilt_values, "values", "values.yaml:2: qhub.usrs"),
        (spoilt_database, "databases", "damaged"),
        (open_secret, "secrets", "can read it"),
        (short_secret, "secrets", "too short"),
        (newer_files, "identities", "go up to 100500"),
    ],
)
def test_what_is_wrong_is_named(
    state: StateFolder, spoil: Callable[[StateFolder], None], subject: str, what: str
) -> None:
    spoil(state)
    found = [one for one in diagnose_machine(state.path) if one.subject == subject]
    assert len(found) == 1
    assert what in found[0].what


def test_a_machine_without_fault_has_no_problem(state: StateFolder) -> None:
    assert [one for one in diagnose_machine(state.path) if one.subject != "disk"] == []


def test_a_folder_that_is_none_is_said_and_not_made(tmp_path: Path) -> None:
    (found,) = diagnose_machine(tmp_path / "nowhere")
    assert "not a state folder" in found.what
    assert not (tmp_path / "nowhere").exists()

"""Backup and restore of a state folder: everything comes back, or nothing is touched."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from qhub_hub.cli import main
from qhub_hub.cli.state import StateFolder
from qhub_hub.identity import HighWater
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Provisioner, claim_realm


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A state folder as a hub leaves it behind."""
    made = StateFolder(tmp_path / "state")
    made.secret("cookie")
    store = IdentityStore(f"sqlite:///{made.identities}")
    store.user("ann")
    with Provisioner(made.files, own_ids=False) as share:
        claim_realm(share, store.high_water)
    store.close()
    with closing(sqlite3.connect(made.database)) as connection:
        connection.execute("create table users (name text)")
    return made


@pytest.fixture
def archive(state: StateFolder, tmp_path: Path) -> Path:
    assert main(["backup", "--state", str(state.path), str(tmp_path / "team.tar.gz")]) == 0
    return tmp_path / "team.tar.gz"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_new_machine_gets_everything_closed_to_others(archive: Path, state: StateFolder, tmp_path: Path) -> None:
    new = StateFolder(tmp_path / "new")
    assert main(["restore", "--state", str(new.path), str(archive)]) == 0
    assert new.secret("cookie") == state.secret("cookie")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (new.database, new.identities)}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(new.database.parent.stat().st_mode) == 0o700
    store = IdentityStore(f"sqlite:///{new.identities}")
    assert store.user("ann").uid == 100_000
    assert store.user("bob").uid == 100_001
    store.close()


def test_a_running_hub_is_not_restored_under_its_feet(
    archive: Path, state: StateFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(state.path)
    with state.locked():
        assert main(["restore", "--state", str(state.path), str(archive)]) == 1
    assert "is running on" in capsys.readouterr().err
    assert contents(state.path) == before


def test_files_of_another_installation_keep_their_meaning(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = StateFolder(tmp_path / "other")
    with Provisioner(other.files, own_ids=False) as share:
        claim_realm(share, HighWater("other", 100_000, 0))
    before = contents(other.path)
    assert main(["restore", "--state", str(other.path), str(archive)]) == 1
    assert "realm 'other'" in capsys.readouterr().err
    assert contents(other.path) == before


def test_a_damaged_backup_touches_nothing(
    archive: Path, state: StateFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(state.path)
    archive.write_bytes(archive.read_bytes()[:-100])
    assert main(["restore", "--state", str(state.path), str(archive)]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert contents(state.path) == before


def test_a_damaged_database_is_not_put_into_a_backup(
    state: StateFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    assert main(["backup", "--state", str(state.path), str(tmp_path / "team.tar.gz")]) == 1
    assert str(state.database) in capsys.readouterr().err
    assert not (tmp_path / "team.tar.gz").exists()


def test_a_backup_of_a_cluster_is_not_taken_for_one_of_a_machine(
    state: StateFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from qhub_hub.cli.archive.packing import pack

    (tmp_path / "in").mkdir()
    with (tmp_path / "cluster.tar.gz").open("wb") as target:
        pack(tmp_path / "in", "cluster", target)
    assert main(["restore", "--state", str(state.path), str(tmp_path / "cluster.tar.gz")]) == 1
    assert "is a backup of a release on a cluster" in capsys.readouterr().err

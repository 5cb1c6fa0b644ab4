"""`qhub ids` on the state of a real hub: all agrees, a lost database is read back from the folders' owners."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub.cli import main
from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.terminal import type_into_terminal

pytestmark = pytest.mark.root

VALUES = "qhub:\n  groups:\n    data: {everyone: true}\n"


@pytest.fixture(scope="module")
def used(qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub that zoe and yan used, stopped, with a copy of its state beside it."""
    hub = qhub_up("ids", VALUES)
    for name in ("zoe", "yan"):
        person = hub.person(name)
        assert person.start().status_code in (201, 202)
        person.stop()
    hub.interrupt()
    copy(hub.state, hub.state.with_name("ids-copy"))
    return hub


@pytest.fixture
def stopped(used: RunningHub) -> Iterator[RunningHub]:
    """The same hub as it was then, whatever other tests did to it."""
    shutil.rmtree(used.state)
    copy(used.state.with_name("ids-copy"), used.state)
    yield used
    used.stop()


def copy(state: Path, to: Path) -> None:
    """With owners, modes and times."""
    subprocess.run(["cp", "-a", str(state), str(to)], check=True)


def owners(hub: RunningHub) -> dict[str, int]:
    return {path.name: path.stat().st_uid for path in (hub.state / "files/home").iterdir()}


def ids(hub: RunningHub, *action: str) -> int:
    return main(["ids", *action, "--state", str(hub.state), "-f", str(hub.values[0])])


def test_a_wrong_owner_is_named(stopped: RunningHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert ids(stopped, "check") == 0
    home: Path = stopped.state / "files/home/zoe"
    os.chown(home, 190_000, 190_000)
    assert ids(stopped, "check") == 1
    said = capsys.readouterr().out
    assert str(home) in said
    assert "190000" in said


def test_a_lost_database_is_refused_then_read_back_from_the_folders(
    stopped: RunningHub, capsys: pytest.CaptureFixture[str]
) -> None:
    before = owners(stopped)
    for path in (stopped.state / "databases").glob("identities.sqlite*"):
        path.unlink()
    with pytest.raises(RuntimeError, match="qhub ids rebuild"):
        stopped.start()
    assert ids(stopped, "rebuild") == 0, capsys.readouterr().out
    stopped.start()
    zoe = stopped.person("zoe")
    assert zoe.start().status_code in (201, 202)
    assert owners(stopped) == before
    nina = stopped.person("nina")
    assert nina.start().status_code in (201, 202)
    assert owners(stopped)["nina"] not in before.values()


def test_an_old_backup_of_the_database_is_refused(stopped: RunningHub) -> None:
    databases = stopped.state / "databases"
    backup = stopped.state.parent / f"{stopped.state.name}-backup"
    copy(databases, backup)
    stopped.start()
    assert stopped.person("xena").start().status_code in (201, 202)
    stopped.interrupt()
    shutil.rmtree(databases)
    shutil.move(backup, databases)
    with pytest.raises(RuntimeError, match="old backup"):
        stopped.start()


def test_a_renamed_person_keeps_id_and_home_and_a_retired_name_starts_anew(stopped: RunningHub) -> None:
    before = owners(stopped)
    assert ids(stopped, "rename", "user", "zoe", "zoe.ann") == 0
    assert ids(stopped, "rename", "user", "yan", "zoe.ann") == 1, "two people under one name"
    assert ids(stopped, "retire", "user", "yan") == 0
    stopped.start()
    renamed, newcomer = stopped.person("zoe.ann"), stopped.person("yan")
    assert renamed.start().status_code in (201, 202)
    assert type_into_terminal(renamed, "id -u; basename $HOME") == f"{before['zoe']}\nzoe"
    assert newcomer.start().status_code in (201, 202)
    assert int(type_into_terminal(newcomer, "id -u")) not in before.values()

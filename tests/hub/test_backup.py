"""A machine is lost and comes back from a backup: same numbers, same sign-in, and ids go on where they were."""

import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from qhub_hub.cli import main
from qhub_hub.identity.store import IdentityStore
from qhub_hub.testing.one_machine import RunningHub

pytestmark = pytest.mark.root

VALUES = "qhub: {users: {ann: {}, bob: {}, carol: {}, dave: {}}}\n"


@pytest.fixture
def hub(qhub_up: Callable[..., RunningHub]) -> Iterator[RunningHub]:
    """A hub of this test alone, with its settings in the state folder as `qhub up` without -f has them."""
    running = qhub_up("backed-up", VALUES, start=False)
    running.state.mkdir(exist_ok=True)
    (running.state / "version").write_text("1\n")
    (running.state / "values.yaml").write_text(VALUES)
    running.values = ()
    running.start()
    yield running
    running.stop()
    shutil.rmtree(running.state)


def ids_of(hub: RunningHub) -> dict[str, int]:
    store = IdentityStore(f"sqlite:///{hub.state}/databases/identities.sqlite")
    found = {record.name: record.gid for record in store.records()}
    store.close()
    return found


def test_a_lost_machine_comes_back_with_its_ids_and_sign_ins(
    hub: RunningHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "team.tar.gz"
    for name in ("ann", "bob"):
        person = hub.person(name)
        person.start({"profile": "small"})
        person.stop()
    cookies, before = person.http.cookies.jar, ids_of(hub)
    assert main(["backup", "--state", str(hub.state), str(archive)]) == 0  # while it runs
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as tar:
        assert set(tar.getnames()) >= {"manifest.json", "hub.sqlite", "identities.jsonl", "secrets.json", "values.yaml"}
    assert main(["restore", "--state", str(hub.state), str(archive)]) == 1
    assert "is running on" in capsys.readouterr().err
    port = int(hub.address.rpartition(":")[2])
    hub.interrupt()
    for name in ("databases", "secrets"):
        shutil.rmtree(hub.state / name)
    (hub.state / "values.yaml").unlink()

    assert main(["restore", "--state", str(hub.state), str(archive)]) == 0
    hub.start(port)
    assert ids_of(hub) == before
    with httpx.Client(base_url=hub.address, cookies=cookies, follow_redirects=True) as browser:
        assert "bob" in browser.get("/hub/home").text  # still signed in
    for name in ("carol", "ann"):
        person = hub.person(name)
        person.start({"profile": "small"})
        person.stop()
    after = ids_of(hub)
    assert {name: after[name] for name in before} == before
    assert after["carol"] not in before.values()


def test_a_backup_older_than_the_files_is_restored_and_says_what_is_left_to_do(
    hub: RunningHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "early.tar.gz"
    hub.person("ann").start({"profile": "small"})
    assert main(["backup", "--state", str(hub.state), str(archive)]) == 0
    hub.person("dave").start({"profile": "small"})
    dave = ids_of(hub)["dave"]
    hub.interrupt()
    capsys.readouterr()
    assert main(["restore", "--state", str(hub.state), str(archive)]) == 0
    assert "qhub ids rebuild" in capsys.readouterr().out
    assert len(list(hub.state.glob("databases.before-restore-*"))) == 1
    with pytest.raises(RuntimeError, match="old backup"):
        hub.start()
    assert main(["ids", "rebuild", "--state", str(hub.state)]) == 0
    hub.start()
    assert ids_of(hub)["dave"] == dave

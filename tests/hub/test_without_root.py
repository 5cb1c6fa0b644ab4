"""`qhub up` as a normal user: everything runs as that user, and both the page and the console say so."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.terminal import type_into_terminal

pytestmark = pytest.mark.root  # to become somebody else

UID = 143_210  # nobody's on this machine, and outside of the pools


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    """A hub that a user without rights runs."""
    folder = Path(tempfile.mkdtemp(prefix="qhub-normal-"))
    values = folder / "values.yaml"
    values.write_text("qhub: {users: {ann: {}, bob: {}}, groups: {data: {members: [ann, bob]}}}\n")
    (folder / "home").mkdir()
    for path in (folder, values, folder / "home"):
        os.chown(path, UID, UID)
    become = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", f"HOME={folder}/home")
    running = RunningHub(folder / "state", values, via=become)
    yield running.start()
    running.stop()
    shutil.rmtree(folder)


def test_servers_run_as_that_user_and_everybody_is_told(hub: RunningHub) -> None:
    ann = hub.person("ann")
    assert "run as you" in hub.said()
    assert "without protection from each other" in hub.said()
    assert "without protection from each other" in ann.http.get("/hub/spawn").text
    assert ann.start().status_code in (201, 202)
    assert type_into_terminal(ann, "id -u; id -g; umask") == f"{UID}\n{UID}\n0002"
    assert type_into_terminal(ann, "cd; pwd") == str(hub.state / "files/home/ann")
    assert "note" in type_into_terminal(ann, "touch ~/shared/data/note; ls ~/shared/data")
    ann.stop()


def test_the_state_is_closed_to_other_users(hub: RunningHub) -> None:
    for name in ("secrets", "databases", "logs"):
        status = (hub.state / name).stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (UID, 0o700), name


def test_it_stops_and_starts_again(hub: RunningHub) -> None:
    assert hub.interrupt() == 0
    hub.start()
    assert hub.person("bob").answer.status_code == 200

"""The first build of a namespace while its people's servers run: it had no folder when they were started."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import PATIENCE
from tests.environments.lab import kernels_of, run_cell, start_kernel

VALUES = """
qhub:
  users: {{ann: {{}}, bob: {{}}}}
  profiles: {{small: {{order: -1, cpu: {{limit: 1}}}}}}
  environments:
    channels: ["{channel}"]
    keep: {{minFree: 1Mi}}
"""
MINE = "env--user-ann--mine--python3"


def put(home: Path, text: str) -> None:
    """Write a file as whoever the home belongs to."""
    folder = home / "environments"
    folder.mkdir(exist_ok=True)
    for path in (folder, folder / "mine.yaml"):
        if path != folder:
            path.write_text(text)
        os.chown(path, home.stat().st_uid, home.stat().st_gid)


def working(hub: RunningHub, name: str) -> Person:
    person = hub.person(name)
    person.start({"profile": "small"})
    person.open_server()
    return person


@pytest.mark.root
@pytest.mark.browser
def test_a_persons_first_environment_appears_in_their_open_lab_and_works(
    qhub_up: Callable[..., RunningHub], channel: str, open_page: Callable[[], Page]
) -> None:
    hub = qhub_up("first-build", VALUES.format(channel=channel))
    ann, bob = working(hub, "ann"), working(hub, "bob")
    page = open_page()
    page.goto(f"{hub.address}/hub/login?next=/user/ann/lab")
    page.fill("input[name=username]", "ann")
    page.fill("input[name=password]", hub.password("ann"))
    page.press("input[name=password]", "Enter")
    cards = page.locator(".jp-Launcher-body .jp-LauncherCard")
    cards.first.wait_for(timeout=PATIENCE * 1000)
    namespace = hub.state / "files/environments/user-ann"
    assert not namespace.exists(), "whoever wants nothing gets no folder"
    put(hub.state / "files/home/ann", "dependencies: [python, ipykernel]\n")
    cards.filter(has_text="mine (user-ann)").first.wait_for(timeout=PATIENCE * 1000)
    kernel = start_kernel(ann, MINE).json()["id"]
    assert run_cell(ann, kernel, "import sys; print(sys.prefix)").strip() == str((namespace / "envs/mine").resolve())
    # It is hers alone, also for a server that ran before there was anything.
    assert MINE not in kernels_of(bob)
    own = start_kernel(bob, "python3").json()["id"]
    assert "PermissionError" in run_cell(bob, own, f"import os; print(os.listdir({str(namespace)!r}))")
    assert namespace.stat().st_mode & 0o777 == 0o750

"""The guide for one machine, done as it says: its sign-in examples, and its backup, restore and rebuild commands."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.terminal import type_into_terminal

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/one-machine.md").read_text(encoding="utf-8")


def example(language: str, containing: str) -> str:
    """The one block of the guide in which these words stand."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) if containing in text]
    assert len(found) == 1, containing
    return found[0]


def script(name: str, folder: Path = ROOT, **env: str) -> str:
    """What one of the scripts behind `make` prints."""
    command = [folder / "scripts" / name]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env}).stdout.strip()


@pytest.mark.root
def test_make_passes_over_a_python_that_others_cannot_reach(open_folder: Path) -> None:
    closed = open_folder / "closed-python"
    closed.mkdir(mode=0o700)
    (closed / "python3").symlink_to(script("python"))
    assert script("python", PATH=f"{closed}:{os.environ['PATH']}") == script("python")


@pytest.mark.root
def test_the_environment_of_a_closed_checkout_is_made_elsewhere(open_folder: Path) -> None:
    checkout = open_folder / "checkout"
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    checkout.chmod(0o755)
    assert script("venv-folder", checkout) == str(checkout / ".venv")
    checkout.chmod(0o700)
    assert script("venv-folder", checkout).startswith("/opt/qhub/venv-")


def test_the_example_with_dummy_passwords_lets_everybody_in_and_ann_administer(
    qhub_up: Callable[..., RunningHub],
) -> None:
    hub = qhub_up("guide-dummy", example("yaml", "authenticator_class: dummy"))
    for name, password, status, admin in (
        ("ann", "only-for-a-try", 200, True),
        ("bob", "only-for-a-try", 200, False),
        ("admin", "only-for-a-try", 200, False),
        ("ann", "another", 403, None),
    ):
        person = Person(hub.address, name, password)
        assert person.answer.status_code == status
        assert person.api("GET", "/user").json().get("admin") is admin
        person.close()
    hub.stop()


def test_the_example_with_github_sends_people_there_and_back(qhub_up: Callable[..., RunningHub]) -> None:
    hub = qhub_up("guide-github", example("yaml", "authenticator_class: github"))
    somebody = Person(hub.address, "", "")
    assert "Sign in with GitHub" in somebody.http.get("/hub/login").text
    there = somebody.http.get("/hub/oauth_login", follow_redirects=False).headers["location"]
    assert there.startswith("https://github.com/login/oauth/authorize?")
    assert "redirect_uri=https%3A%2F%2Fhub.example.org%2Fhub%2Foauth_callback" in there
    assert "scope=read%3Aorg" in there
    somebody.close()
    hub.stop()


@pytest.fixture
def lived_in(open_folder: Path) -> Iterator[RunningHub]:
    """A hub on which ann has a file of her own and one in the folder for all."""
    hub = RunningHub(open_folder / "backup/qhub")
    hub.state.parent.mkdir(mode=0o711)
    hub.start()
    yield hub
    hub.stop()
    shutil.rmtree(hub.state.parent)


def as_written(commands: str, hub: RunningHub) -> None:
    """Run a block of the guide with this hub's state folder in the place of /var/lib/qhub; `qhub up` is left out."""
    folder = hub.state.parent
    qhub = f'qhub() {{ [ "$1" = up ] || {sys.executable} -m qhub_hub "$@" --state {hub.state}; }}'
    script = f"set -eu\n{qhub}\n{commands.replace('/var/lib', str(folder))}"
    ended = subprocess.run(["/bin/bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def whose(hub: RunningHub) -> str:
    """What ann reads in her terminal: her number, her file, and the owner of the one that she left for others."""
    ann = hub.person("ann")
    ann.start({"profile": "small"})
    said = type_into_terminal(ann, "id -u; cat ~/mine; stat -c '%u:%g %a' ~/shared/everyone/ours")
    ann.stop()
    return said


@pytest.mark.root
def test_backup_restore_and_rebuild_bring_back_files_and_numbers(lived_in: RunningHub) -> None:
    hub = lived_in
    ann = hub.person("ann")
    ann.start({"profile": "small"})
    type_into_terminal(ann, "echo precious > ~/mine; echo yours > ~/shared/everyone/ours")
    ann.stop()
    before = whose(hub)
    assert "precious" in before
    as_written(example("sh", "mkdir -m 700 backup"), hub)
    hub.interrupt()
    as_written(example("sh", "-cpzf qhub-backup.tar.gz"), hub)
    for restore in ("-xpzf qhub-backup.tar.gz", "-xpzf backup/files.tar.gz", "rm -f /var/lib/qhub/databases"):
        as_written(example("sh", restore), hub)
        hub.start()
        assert whose(hub) == before, restore
        assert hub.interrupt() == 0

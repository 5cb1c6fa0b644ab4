"""Tests of built images run when they are asked for (`pytest -m images`); otherwise the summary says they did not."""

import json
import os
import re
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub import __version__

DESELECTED = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "images" in config.getoption("markexpr"):
        return
    built = [item for item in items if item.get_closest_marker("images")]
    config.stash[DESELECTED] = len(built)
    if built:
        config.hook.pytest_deselected(items=built)
        items[:] = [item for item in items if item not in built]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(DESELECTED, 0):
        terminalreporter.write_line(
            f"{count} tests of built images not run: make images && pytest -m images tests/images"
        )


def words() -> list[str]:
    """What runs a container: `QHUB_RUN_IMAGE`, else podman or docker, whichever is there."""
    given = os.environ.get("QHUB_RUN_IMAGE", "")
    found = next((name for name in ("podman", "docker") if shutil.which(name)), "")
    assert given or found, "neither podman nor docker is there to run images with"
    return shlex.split(given) if given else [found, "run"]


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a command in an image as a cluster would: no network, read-only but for /tmp, no capabilities."""
    names: list[str] = []

    def start(
        image: str, *command: str, user: str = "1000:1000", mounts: dict[Path, str] | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        names.append(f"qhub-test-{uuid.uuid4().hex}")
        options = ["--rm", "--name", names[-1], "--network=none", "--read-only", "--tmpfs=/tmp", f"--user={user}"]
        options += ["--cap-drop=ALL", "--security-opt=no-new-privileges"]
        options += [f"--volume={source}:{target}" for source, target in (mounts or {}).items()]
        options += [f"--env={name}={value}" for name, value in env.items()]
        tag = f"localhost/qhub/{image}:{__version__}"
        return subprocess.run(
            [*words(), *options, tag, *command], capture_output=True, text=True, check=False, timeout=120
        )

    yield start
    for name in names:  # nothing to do unless a test was ended early
        subprocess.run([words()[0], "rm", "--force", name], capture_output=True, check=False, timeout=60)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of somebody whom no image knows."""
    folder = tmp_path / "home"
    folder.mkdir()
    os.chown(folder, 123456, 123456)
    return folder


@pytest.fixture
def healthcheck() -> Callable[[str], list[str]]:
    """The command of an image's `HEALTHCHECK`, as its Dockerfile states it."""

    def command(image: str) -> list[str]:
        text = Path(__file__).parents[2].joinpath("images", image, "Dockerfile").read_text()
        found = re.search(r"HEALTHCHECK[^\[]*CMD (\[.*\])$", text, re.MULTILINE)
        assert found
        return list(map(str, json.loads(found[1])))

    return command

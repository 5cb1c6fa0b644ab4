"""Pytest fixtures for hub plugins; pytest loads them through the `pytest11` entry point."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from qhub_hub.testing.identity_provider import IdentityProvider
    from qhub_hub.testing.one_machine import RunningHub

_ENDED_AT_ONCE = 8  # hubs; each takes its time to end servers and proxy
# The fake cluster's fixtures are asynchronous; a run without pytest-asyncio must not fail because QHub is installed.
pytest_plugins = ["qhub_hub.testing.kube.fixtures"] if find_spec("pytest_asyncio") and find_spec("aiohttp") else []


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may pass through, unlike `tmp_path`: servers run as their owners."""
    folder = Path(tempfile.mkdtemp(prefix="qhub-"))
    folder.chmod(0o711)
    yield folder
    if os.environ.get("QHUB_KEEP"):  # to look at logs and databases after a failure
        print(f"\nkept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def qhub_up(open_folder: Path) -> Iterator[Callable[..., "RunningHub"]]:
    """Start real hubs on this machine: `qhub_up("name", values)` gives a `RunningHub` that ends with the module."""
    yield from _hubs(open_folder)


@pytest.fixture(scope="session")
def lasting_qhub_up(open_folder: Path) -> Iterator[Callable[..., "RunningHub"]]:
    """Like `qhub_up`, for a hub that several modules share: it ends with the run."""
    yield from _hubs(open_folder)


def _hubs(folder: Path) -> Iterator[Callable[..., "RunningHub"]]:
    from qhub_hub.testing.one_machine import STATE_VERSION as VERSION
    from qhub_hub.testing.one_machine import RunningHub

    hubs: list[RunningHub] = []

    def up(name: str, values: str = "", start: bool = True) -> RunningHub:
        path = folder / f"{name}.yaml"
        path.write_text(values)
        hub = RunningHub(folder / name, path)
        installed = next(folder.glob("*/proxy/installed"), None)
        if installed:  # npm is asked once for all hubs of a run
            hub.state.mkdir()
            (hub.state / "version").write_text(VERSION)
            shutil.copytree(installed.parent, hub.state / "proxy", symlinks=True)
        hubs.append(hub)
        return hub.start() if start else hub

    yield up
    with ThreadPoolExecutor(_ENDED_AT_ONCE) as ending:
        list(ending.map(RunningHub.stop, hubs))
        list(ending.map(RunningHub.end_leftovers, hubs))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of this machine's Chromium, for Playwright's `executable_path`; the test is skipped where there is none."""
    # The one without windows takes half the processor time for a page.
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("needs Chromium (Debian: apt-get install chromium-headless-shell)")


@pytest.fixture
def identity_provider() -> Iterator["IdentityProvider"]:
    """A sign-in provider that plays GitHub, Google, Auth0 and OpenID Connect, with nobody known to it yet."""
    from qhub_hub.testing.identity_provider import IdentityProvider

    provider = IdentityProvider().start()
    yield provider
    provider.stop()

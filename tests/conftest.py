"""What all tests share: nothing is skipped unseen, and nothing at all where CI=true; a real PostgreSQL for a run."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Error, Page, expect, sync_playwright

from qhub_hub.testing.waiting import PATIENCE

# How busy the machine is must not decide whether a test passes.
settings.register_profile("qhub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("qhub")
expect.set_options(timeout=PATIENCE * 1000)
# Fixtures of a whole run that start a hub or build environments.
_SHARED = frozenset(("site", "dask_hub", "team", "kernels"))
_PAGES = pytest.StashKey[list[Page]]()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    groups = _groups(items)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.path]))
    yield
    # Long ones first, short ones last: they fill the time in which one process is done and another is not.
    items.sort(key=lambda item: 0 if groups[item.path] in _SHARED else 2 if "unit" in item.path.parts else 1)
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root: servers run as their owners only then"))


def _groups(items: list[pytest.Item]) -> dict[Path, str]:
    """Which modules run in one process: those that share something which takes long to start; else each alone."""
    groups: dict[Path, str] = {}
    for item in items:
        known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        shared = {name for name in _SHARED & known.keys() if known[name][-1].scope == "session"}
        groups.setdefault(item.path, item.nodeid.partition("::")[0])
        if shared:
            groups[item.path] = min(shared)
    return groups


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections += [("Page", _shown(page)) for page in item.stash.get(_PAGES, [])]
    if report.skipped and os.environ.get("CI") == "true" and os.geteuid() == 0:
        # On CI everything a test needs is installed: a skip is a hole in the net.
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


def _shown(page: Page) -> str:
    try:
        return f"{page.url}\n{page.inner_text('body', timeout=5000)[:3000]}"
    except Error as error:
        return f"{page.url}\n{error.message}"


@pytest.fixture
def open_page(request: pytest.FixtureRequest, chromium: str) -> Iterator[Callable[[], Page]]:
    """Open a page in a browser profile of its own; what it shows stands in the report of a test that fails."""
    pages = request.node.stash[_PAGES] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def opened() -> Page:
            context = browser.new_context(viewport={"width": 1200, "height": 800})
            context.set_default_timeout(PATIENCE * 1000)
            pages.append(context.new_page())
            return pages[-1]

        yield opened
        browser.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """A function that makes an empty database on a server of our own, reachable by a socket in a private folder."""
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if tools is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # the server refuses to run as root
    ids = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a socket's path may have 107 bytes only
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)

        def run(tool: str, *arguments: str) -> None:
            subprocess.run([tools / tool, *arguments], check=True, capture_output=True, cwd=folder, **ids)

        data = f"{folder}/data"
        run("initdb", "--no-sync", "--auth=trust", "--username=qhub", "-D", data)
        settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        # A log of its own: the server would keep our captured output open for ever.
        run("pg_ctl", "-D", data, "-o", settings, "-l", f"{folder}/log", "-w", "start")
        numbers = count()

        def fresh() -> str:
            name = f"ids{next(numbers)}"
            run("createdb", "--host", folder, "--username", "qhub", name)
            return f"postgresql://qhub@/{name}?host={folder}"

        try:
            yield fresh
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")

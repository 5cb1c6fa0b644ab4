"""A person reads in JupyterLab that their server is about to end, and keeps it where that is possible."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.waiting import PATIENCE
from tests.pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.root]

VALUES = """
qhub:
  nodeGroups:
    user: {cpu: 8, memory: "32Gi"}
  profiles:
    short: {displayName: Short, cpu: {limit: 1}, memory: {limit: "2Gi"}, culling: {maxAge: 60s}}
    quiet: {displayName: Quiet, cpu: {limit: 1}, memory: {limit: "2Gi"}, culling: {idle: 60s}}
"""
PAGE_ASKS_EVERY = 30_000  # milliseconds


@pytest.fixture(scope="module")
def hub(qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub whose servers soon end."""
    return qhub_up("end-notice", VALUES)


@pytest.fixture
def lab(hub: RunningHub, context: Callable[..., BrowserContext]) -> Iterator[Callable[[str, str], Page]]:
    """Open JupyterLab for somebody, on a profile; what the notices' extension complains about fails the test."""
    errors: list[str] = []

    def opened(name: str, profile: str) -> Page:
        page = context().new_page()
        page.on("console", lambda message: errors.append(message.text) if "qhub-notices" in message.text else None)
        page.clock.install()
        sign_in(page, hub, name)
        page.get_by_role("radio", name=re.compile(profile)).check(force=True)
        page.get_by_role("button", name="Start").click()
        page.wait_for_url(re.compile(rf"/user/{name}/lab"))
        page.locator(".jp-LauncherCard").first.wait_for()
        return page

    yield opened
    assert errors == []


def leave(page: Page) -> None:
    """Turn to another tab: a JupyterLab that is looked at asks for kernels all the time, which is activity."""
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { get: () => true });
            Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def until_it_is_said(page: Page) -> Locator:
    """The notice, once it is on the screen; the page's clock runs ahead, so that the page asks at once."""
    notice = page.get_by_role("alert").filter(has_text="Your server stops within")
    deadline = time.monotonic() + PATIENCE
    while not notice.count():
        assert time.monotonic() < deadline, "nobody says that the server is about to end"
        page.clock.fast_forward(PAGE_ASKS_EVERY)
        page.wait_for_timeout(500)
    return notice


def test_the_page_tells_that_the_server_is_about_to_end_and_an_idle_one_can_be_kept(
    hub: RunningHub, lab: Callable[[str, str], Page]
) -> None:
    yan, zoe = lab("yan", "Quiet"), lab("zoe", "Short")
    leave(yan)
    by_age = until_it_is_said(zoe)
    expect(by_age).to_contain_text("Files are kept; running programs end.")
    expect(by_age.get_by_role("button", name="Keep it running")).to_have_count(0)

    by_idleness = until_it_is_said(yan)
    expect(by_idleness).to_contain_text("because nothing happens in it")
    assert yan.title().startswith("⏳"), "the name of a tab is all that can be seen of a hidden page"
    by_idleness.get_by_role("button", name="Keep it running").click()
    expect(by_idleness).to_have_count(0)
    expect(yan).not_to_have_title(re.compile("^⏳"))
    assert hub.person("yan").server()["ready"]

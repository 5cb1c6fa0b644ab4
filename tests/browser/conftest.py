"""A real headless Chromium, and people who use it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from qhub_hub.testing.waiting import PATIENCE

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Not for the whole session: while Playwright is up, its event loop keeps asynchronous tests from running.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Open a browser profile of its own per person; fails the test when a page asked another host for anything."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []

    def opened(**options: object) -> BrowserContext:
        made = browser.new_context(**options)
        made.set_default_timeout(PATIENCE * 1000)
        made.on(
            "request",
            lambda request: (
                foreign.append(request.url)
                if not request.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:"))
                else None
            ),
        )
        contexts.append(made)
        return made

    yield opened
    for made in contexts:
        made.close()
    assert foreign == []


@pytest.fixture(scope="session")
def keep_screenshot() -> Callable[[Page, str], None]:
    """Save what a person sees; into the docs when QHUB_SCREENSHOTS names their folder, else nowhere."""
    folder = os.environ.get("QHUB_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=False)

    return keep

"""In a real browser: an environment that is built while JupyterLab is open is on its launcher a moment later."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from qhub_hub.testing.one_machine import RunningHub

VALUES = """
qhub:
  users: {{ann: {{}}}}
  environments:
    channels: ["{channel}"]
    keep: {{minFree: 1Mi}}
    declared: {{{declared}}}
"""


@pytest.mark.root
@pytest.mark.browser
def test_a_new_environment_appears_on_an_open_launcher(
    qhub_up: Callable[..., RunningHub], channel: str, chromium: str
) -> None:
    hub = qhub_up("launcher", VALUES.format(channel=channel, declared=""))
    person = hub.person("ann")
    person.start({"profile": "small"})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.goto(f"{hub.address}/hub/login?next=/user/ann/lab")
        page.fill("input[name=username]", "ann")
        page.fill("input[name=password]", hub.password("ann"))
        page.press("input[name=password]", "Enter")
        cards = page.locator(".jp-Launcher-body .jp-LauncherCard")
        cards.first.wait_for(timeout=60_000)
        page.wait_for_timeout(1000)  # the first answer to the question whether kernels have changed
        assert cards.filter(has_text="shell").count() == 0
        Path(hub.values[0]).write_text(
            VALUES.format(channel=channel, declared='"global/shell": {dependencies: [echo-kernel]}')
        )
        # Built within three seconds, asked for every five; JupyterLab itself would look after a minute.
        cards.filter(has_text="shell (global)").first.wait_for(timeout=25_000)
        if folder := os.environ.get("QHUB_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/environments.png")
        browser.close()

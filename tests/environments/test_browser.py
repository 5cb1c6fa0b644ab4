"""In a real browser: an environment that is built while JupyterLab is open is on its launcher a moment later."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from qhub_hub.testing.one_machine import RunningHub
from tests.pages import sign_in

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
    qhub_up: Callable[..., RunningHub], channel: str, open_page: Callable[[], Page]
) -> None:
    hub = qhub_up("launcher", VALUES.format(channel=channel, declared=""))
    person = hub.person("ann")
    person.start({"profile": "small"})
    page = open_page()
    sign_in(page, hub, "ann", "/user/ann/lab")
    cards = page.locator(".jp-Launcher-body .jp-LauncherCard")
    cards.first.wait_for()
    page.wait_for_timeout(1000)  # the first answer to the question whether kernels have changed
    assert cards.filter(has_text="shell").count() == 0
    Path(hub.values[0]).write_text(
        VALUES.format(channel=channel, declared='"global/shell": {dependencies: [echo-kernel]}')
    )
    # Built within three seconds, asked for every five; JupyterLab itself would look after a minute.
    cards.filter(has_text="shell (global)").first.wait_for(timeout=50_000)
    if folder := os.environ.get("QHUB_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/environments.png")

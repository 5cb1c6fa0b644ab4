"""A person reads in JupyterLab that their server is about to end."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from qhub_hub.testing.one_machine import RunningHub

pytestmark = pytest.mark.browser

VALUES = """
qhub:
  nodeGroups:
    user: {cpu: 8, memory: "32Gi"}
  profiles:
    short: {displayName: Short, cpu: {limit: 1}, memory: {limit: "2Gi"}, culling: {maxAge: 80s}}
"""


def test_the_page_tells_that_the_server_is_about_to_end(
    qhub_up: Callable[..., RunningHub], context: Callable[..., BrowserContext]
) -> None:
    hub = qhub_up("end-notice", VALUES)
    page = context().new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if "qhub-notices" in message.text else None)
    page.goto(hub.address)
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password").fill(hub.password("zoe"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/user/zoe/lab"), timeout=60_000)
    notice = page.get_by_role("alert").filter(has_text="Your server stops within")
    expect(notice).to_contain_text("Files are kept; running programs end.", timeout=75_000)
    assert errors == []

"""Two people of different groups, each in a browser of their own: sign in, choose, land in JupyterLab, be oneself."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from qhub_hub.testing.one_machine import RunningHub
from tests.pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.root]

TEAM = """
qhub:
  users:
    ann: {uid: 130001, displayName: Ann}
    bob: {}
  groups:
    climate: {members: [ann]}
  nodeGroups:
    user: {cpu: 8, memory: "32Gi", price: 0.48}
    gpu: {cpu: 16, memory: "64Gi", gpu: {count: 1, type: "NVIDIA L4"}, price: 1.2}
  profiles:
    small:
      displayName: Small
      description: Notebooks, teaching and light data work.
      cpu: {guarantee: 0.5, limit: 2}
      memory: {guarantee: "1Gi", limit: "4Gi"}
    large:
      displayName: Large
      description: A share of a big machine, as much as you need today.
      order: 5
      options:
        sizes:
          quarter: {displayName: A quarter, share: "1/4"}
          half: {displayName: Half, share: "1/2"}
          whole: {displayName: The whole machine, share: "1"}
    gpu:
      displayName: GPU
      description: Training and inference.
      order: 10
      nodeGroup: gpu
      cpu: {limit: 8}
      memory: {limit: "32Gi"}
      gpu: 1
      allowedGroups: [climate]
    medium: null
    share: null
"""


@pytest.fixture(scope="module")
def hub(qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub with a locked card for bob."""
    return qhub_up("browser", TEAM)


def signed_in(hub: RunningHub, context: BrowserContext, name: str) -> Page:
    page = context.new_page()
    sign_in(page, hub, name)
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    return page


def in_terminal(page: Page, command: str) -> str:
    """Open a terminal from the launcher, type a command as a person does; returns what the terminal was sent.

    The screen itself is a picture (xterm.js draws on a canvas), so its text is taken from the socket that feeds it.
    """
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    page.locator(".jp-LauncherCard", has_text="Terminal").first.click()
    terminal = page.locator(".jp-Terminal").last
    expect(terminal).to_be_visible()
    for _ in range(300):  # until the prompt is there; what is typed before is lost
        if any("$" in frame for frame in heard):
            break
        page.wait_for_timeout(100)
    terminal.click()
    page.keyboard.type(f"{command}; echo that-$((40+2))-all\n")
    for _ in range(300):
        said = "".join(json.loads(frame)[1] for frame in heard if frame.startswith('["stdout"'))
        if "that-42-all" in said:
            return said
        page.wait_for_timeout(100)
    raise AssertionError(f"the terminal did not answer: {heard}")


def test_from_the_sign_in_page_to_id_in_a_terminal(
    hub: RunningHub, context: Callable[..., BrowserContext], keep_screenshot: Callable[[Page, str], None]
) -> None:
    page = signed_in(hub, context(viewport={"width": 1280, "height": 1080}), "ann")
    expect(page.get_by_role("radio", name=re.compile("GPU"))).to_be_enabled()
    page.get_by_role("radio", name=re.compile("Large")).check(force=True)
    page.get_by_role("radio", name=re.compile("A quarter")).check(force=True)
    keep_screenshot(page, "spawn-page")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/user/ann/lab"))
    said = in_terminal(page, "id; whoami; ls -ld ~ ~/shared/*")
    keep_screenshot(page, "terminal")
    assert "uid=130001(ann) gid=130001(ann)" in said
    assert "climate" in said
    assert re.search(r"drwx------.*ann\s+ann", said)
    assert re.search(r"drwxrws---.*root\s+climate", said)


def test_a_locked_card_says_why_and_the_last_choice_is_preselected(
    hub: RunningHub, context: Callable[..., BrowserContext], keep_screenshot: Callable[[Page, str], None]
) -> None:
    page = signed_in(hub, context(viewport={"width": 1280, "height": 1080}, color_scheme="dark"), "bob")
    locked = page.get_by_role("radio", name=re.compile("GPU"))
    expect(locked).to_be_disabled()
    expect(page.get_by_text("Only for members of climate")).to_be_visible()
    keep_screenshot(page, "spawn-page-dark-locked")
    page.get_by_role("radio", name=re.compile("Large")).check(force=True)
    page.get_by_role("radio", name=re.compile("Half")).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/user/bob/lab"))
    page.goto(f"{hub.address}/hub/home")
    page.wait_for_function("window._jupyterhub_page_loaded")  # before, JupyterHub's buttons do nothing
    page.get_by_role("button", name="Stop My Server").click()
    expect(page.get_by_role("button", name="Start My Server")).to_be_visible()
    page.goto(f"{hub.address}/hub/spawn")
    expect(page.get_by_role("radio", name=re.compile("Large"))).to_be_checked()
    expect(page.get_by_role("radio", name=re.compile("Half"))).to_be_checked()


def test_without_javascript_the_page_starts_the_chosen_server(
    hub: RunningHub, context: Callable[..., BrowserContext]
) -> None:
    page = signed_in(hub, context(java_script_enabled=False), "bob")
    page.get_by_role("radio", name=re.compile("Small")).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/hub/spawn-pending/bob|/user/bob"))
    bob = hub.person("bob")
    bob.wait_for()
    assert bob.server()["user_options"] == {"profile": "small"}
    bob.stop()


def test_administrators_see_who_runs_what(hub: RunningHub, context: Callable[..., BrowserContext]) -> None:
    ann = hub.person("ann")
    if ann.server():
        ann.stop()
    ann.start({"profile": "small"})
    page = signed_in(hub, context(), "admin")
    row = page.get_by_role("row", name=re.compile("ann"))
    expect(row).to_contain_text("Small")
    ann.stop()

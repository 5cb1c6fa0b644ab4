"""conda-store's own page in a real browser, from the hub's menu and from JupyterLab on."""

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.conda_store.conftest import PAGE, Site
from tests.pages import sign_in

# Not by a route: Playwright lets nobody see or answer requests for this name.
NOT_THERE = """
const real = window.fetch;
window.fetch = (page, ...more) => {
  if (!String(page).endsWith("/services/conda-store/favicon.ico")) return real(page, ...more);
  window.asked = true;
  return Promise.resolve(new Response("", { status: 503 }));
};
"""


@pytest.mark.browser
def test_a_person_comes_from_the_hubs_menu_and_sees_theirs(site: Site, open_page: Callable[[], Page]) -> None:
    site.built("group-data/tiny")
    page = open_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, site.hub, "ann", "/hub/home")
    page.get_by_role("link", name="Environments").click()
    page.wait_for_url(f"**{PAGE}/ui/**")
    page.get_by_text("group-data").first.click()
    page.get_by_text("tiny", exact=True).first.click()
    page.get_by_text("Declared in the values file").first.wait_for()
    assert page.get_by_text("user-bob").count() == 0
    assert errors == []


@pytest.mark.browser
def test_jupyterlab_leads_to_it(site: Site, open_page: Callable[[], Page]) -> None:
    site.built("group-data/tiny")
    ann = site.hub.person("ann")
    ann.start({"profile": "small"})
    page = open_page()
    sign_in(page, site.hub, "ann", "/user/ann/lab")
    card = page.locator(".jp-LauncherCard", has_text="Environments")
    card.wait_for()
    if folder := os.environ.get("QHUB_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/conda-store-launcher.png")
    with page.expect_popup() as opened:
        card.click()
    opened.value.get_by_text("group-data").first.wait_for()
    page.get_by_role("menuitem", name="File").click()
    page.locator(".lm-Menu-item", has_text="Make Environments").wait_for()
    # While conda-store does not answer, nothing leads there.
    away = page.context.new_page()
    away.add_init_script(NOT_THERE)
    away.goto(f"{site.hub.address}/user/ann/lab?reset")
    away.wait_for_function("window.asked")
    away.locator(".jp-LauncherCard").first.wait_for()
    assert away.locator(".jp-LauncherCard", has_text="Environments").count() == 0
    ann.stop()

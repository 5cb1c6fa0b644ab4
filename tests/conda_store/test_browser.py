"""conda-store's own page in a real browser, from the hub's menu on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.conda_store.conftest import PAGE, Site


@pytest.mark.browser
def test_a_person_comes_from_the_hubs_menu_and_sees_theirs(site: Site, open_page: Callable[[], Page]) -> None:
    site.built("group-data/tiny")
    page = open_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site.hub.address}/hub/login")
    page.fill("input[name=username]", "ann")
    page.fill("input[name=password]", site.hub.password("ann"))
    page.press("input[name=password]", "Enter")
    page.goto(f"{site.hub.address}/hub/home")
    page.get_by_role("link", name="Environments").click()
    page.wait_for_url(f"**{PAGE}/ui/**")
    page.get_by_text("group-data").first.click(timeout=30_000)
    page.get_by_text("tiny", exact=True).first.click(timeout=30_000)
    page.get_by_text("Declared in the values file").first.wait_for(timeout=30_000)
    assert page.get_by_text("user-bob").count() == 0
    assert errors == []

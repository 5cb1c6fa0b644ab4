"""JupyterLab's Dask panel: a cluster made, used and watched there, by its owner alone."""

import json
import os
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import PATIENCE, eventually
from tests.pages import run_cell, sign_in

PATIENTLY = PATIENCE * 1000  # milliseconds
WORK = """import os, time
def work(number): time.sleep(0.2 + number % 5 / 10); return os.getuid()
print('uids', set(client.gather(client.map(work, range(60)))))"""
EMPTY = {
    "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": WORK}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STREAM = """() => window.Bokeh && Bokeh.documents.some(document => [...document.all_models].some(
    model => model.type === "ColumnDataSource" && model.columns().includes("worker_thread") && model.get_length() > 0
))"""


def open_lab(page: Page, hub: RunningHub, ann: Notebook) -> None:
    """A notebook in JupyterLab, with a kernel that waits, and the Dask panel beside it."""
    path = ann.home / "panel.ipynb"
    path.write_text(json.dumps(EMPTY))
    os.chown(path, *ann.ids)
    page.set_viewport_size({"width": 1500, "height": 900})
    page.set_default_timeout(PATIENTLY)
    sign_in(page, hub, "ann", "/user/ann/lab/tree/panel.ipynb?reset")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]")
    page.locator("li[data-id='dask-dashboard-launcher']").click()


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("QHUB_SCREENSHOTS"):
        page.wait_for_timeout(3000)
        page.screenshot(path=f"{folder}/{name}.png")


def pane(page: Page, plot: str) -> FrameLocator:
    """A pane of the dashboard, once it shows its figure."""
    found = page.frame_locator(f".jp-MainAreaWidget iframe[src$='/individual-{plot}']")
    found.locator(".bk-Figure").first.wait_for()
    return found


@pytest.mark.root
@pytest.mark.browser
def test_a_cluster_is_made_used_and_watched_in_lab_by_its_owner_only(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub, open_page: Callable[[], Page]
) -> None:
    ann = notebook("ann")
    page = open_page()
    open_lab(page, dask_hub, ann)
    page.get_by_role("button", name="NEW", exact=True).click()
    cluster = page.locator(".dask-ClusterListingItem", has_text="GatewayCluster 1")
    cluster.get_by_title("Inject client code").click()
    # What the panel writes names no credentials, and works.
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.first.locator(".cm-content", has_text="gateway://").wait_for()
    run_cell(cells.first, "Shift+Enter")
    link = cells.first.locator(".jp-OutputArea-output a").first
    link.wait_for()
    assert link.get_attribute("href") == cluster.locator("a").get_attribute("href")
    page.get_by_role("button", name="Launch dashboard in JupyterLab").click()
    panes = [pane(page, plot) for plot in ("task-stream", "workers-memory", "progress")]
    run_cell(cells.nth(1))
    page.locator(".jp-OutputArea-output", has_text=f"uids {{{ann.ids[0]}}}").wait_for()
    frame = panes[0].owner.element_handle().content_frame()
    assert frame is not None
    frame.wait_for_function(STREAM, timeout=PATIENTLY)
    picture(page, "dask-panel")
    other = open_page()
    sign_in(other, dask_hub, "bob", frame.url.removeprefix(dask_hub.address))
    other.wait_for_selector("text=No such cluster of yours", timeout=PATIENTLY)
    # The panel finds the dashboard of the client in the notebook, too: clusters made there are not in its list.
    address = page.locator(".dask-URLInput input")
    address.fill("")
    cells.nth(1).locator(".cm-content").click()
    page.get_by_title("Auto-detect dashboard URL").click()
    expect(address).to_have_value(re.compile("/services/dask-gateway/clusters/[0-9a-f]+/"))
    page.get_by_role("button", name="Profile", exact=True).click()
    pane(page, "profile")
    cluster.get_by_role("button", name="SHUTDOWN").click()
    cluster.wait_for(state="detached")
    page.get_by_text("Dashboard not connected").wait_for()


def ask(person: Person, method: str, path: str = "", **content: Any) -> httpx.Response:
    """What the panel asks the person's server."""
    person.open_server()  # for its cookies
    headers = {"X-XSRFToken": person.xsrf(person.prefix()), "Referer": person.prefix()}
    page = f"{person.prefix()}dask/clusters{path}"
    return person.http.request(method, page, headers=headers, json=content or None, timeout=PATIENCE)


@pytest.mark.root
def test_a_cluster_scales_as_the_panel_says_and_leaves_its_list_when_it_ends(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub
) -> None:
    ann, person = notebook("ann"), dask_hub.person("ann")
    made = ask(person, "PUT").json()
    assert made["name"] == "GatewayCluster 1", made
    assert made["dashboard_link"].startswith("/services/dask-gateway/clusters/")
    asked = ask(person, "PATCH", f"/{made['id']}", adapt={"minimum": 1, "maximum": 2})
    assert (asked.status_code, asked.json().get("adapt")) == (200, {"minimum": 1, "maximum": 2})
    eventually(lambda: ask(person, "GET").json()[0]["workers"] == 1, what="the least that was asked for runs")
    cluster = made["scheduler_address"].rpartition("/")[2]
    ann.run(f"from dask_gateway import Gateway; Gateway().stop_cluster('{cluster}')")
    eventually(lambda: ask(person, "GET").json() == [], what="the panel has no cluster")


@pytest.mark.root
def test_what_is_refused_is_a_sentence_in_the_panel(notebook: Callable[[str], Notebook], dask_hub: RunningHub) -> None:
    notebook("eve")
    person = dask_hub.person("eve")
    made = [ask(person, "PUT").json()["id"] for _ in range(2)]
    refused = ask(person, "PUT")
    assert (refused.status_code, "qhub.limits.everyone.dask.clusters" in refused.json()["message"]) == (500, True)
    assert [ask(person, "DELETE", f"/{name}").status_code for name in made] == [204, 204]
    stranger = dask_hub.person("bob")
    assert stranger.http.get(f"{person.prefix()}dask/dashboard/{made[0]}/status").status_code == 403
    assert person.http.get(f"{person.prefix()}dask/dashboard/{made[0]}/status").status_code == 404

"""In a real browser: run the three lines in a notebook, see the result and the dashboard, and nobody else's."""

import json
import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub
from tests.pages import run_cell, sign_in

LINES = """import os
from dask_gateway import Gateway
cluster = Gateway().new_cluster(); cluster.adapt(minimum=0, maximum=2)
client = cluster.get_client(); print("uid", client.submit(os.getuid).result(), "at", cluster.dashboard_link)
"""


@pytest.mark.root
@pytest.mark.browser
def test_the_three_lines_in_a_notebook_and_a_dashboard_for_its_owner_only(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub, open_page: Callable[[], Page]
) -> None:
    ann = notebook("ann")
    path = ann.home / "three-lines.ipynb"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": LINES}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    os.chown(path, *ann.ids)
    page = open_page()
    sign_in(page, dask_hub, "ann", "/user/ann/lab/tree/three-lines.ipynb?reset")  # without what another test left open
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.wait_for_selector(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]")
    run_cell(page.locator(".jp-Notebook .jp-CodeCell").first)
    output = page.locator(".jp-OutputArea-output", has_text="uid")
    output.wait_for()
    said = output.inner_text().split()
    assert said[:2] == ["uid", str(ann.ids[0])]
    dashboard = said[3]
    page.goto(dask_hub.address + dashboard)
    page.wait_for_selector(".bk-Row, .bk-Column, .bk-Figure, .bk-GridBox", state="attached")
    assert page.title().startswith("Dask")
    if folder := os.environ.get("QHUB_SCREENSHOTS"):
        page.wait_for_timeout(3000)
        page.screenshot(path=f"{folder}/dask-dashboard.png")
    other = open_page()
    sign_in(other, dask_hub, "bob", dashboard)
    other.wait_for_selector("text=No such cluster of yours")

"""From JupyterLab to pages of the hub's services: where environments are made, and Dask's dashboards."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def led_to(server: Any, path: str, bearer: str = "anns") -> tuple[int, str]:
    """Status of an answer, and where it sends the browser."""
    request = urllib.request.Request(server.url + path, headers={"Authorization": f"token {bearer}"})  # noqa: S310
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=20) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location", "")


def with_services(folder: Path, env: dict[str, str]) -> None:
    env["QHUB_ENVIRONMENTS_PAGE"] = "/services/conda-store/"
    env["DASK_GATEWAY__ADDRESS"] = "http://127.0.0.1:1/services/dask-gateway"
    env["DASK_GATEWAY__PUBLIC_ADDRESS"] = "/services/dask-gateway/"


def page_config(server: Any) -> dict[str, Any]:
    found = re.search(rb'id="jupyter-config-data"[^>]*>(.*?)</script>', server.request("lab")[1], re.DOTALL)
    assert found is not None
    config: dict[str, Any] = json.loads(found[1])
    return config


def test_the_page_knows_where_environments_are_made_and_owners_are_led_to_their_dashboards(start: Any) -> None:
    with start(with_services) as server:
        assert page_config(server)["qhubEnvironmentsPage"] == "/services/conda-store/"
        status, script = server.request("lab/extensions/qhub-environments/static/environments.js")
        assert (status, b"qhubEnvironmentsPage" in script) == (200, True)
        dashboard = "services/dask-gateway/clusters/0123abcd/individual-graph?theme=dark"
        assert led_to(server, dashboard) == (302, f"/{dashboard}")
        assert led_to(server, f"/{dashboard}") == (302, f"/{dashboard}")
        assert led_to(server, "services/dask-gateway/clusters//evil.example/x")[1].startswith("/services/dask-gateway/")
        assert led_to(server, dashboard, bearer="strangers")[0] == 403
        assert led_to(server, "dask/dashboard/0-0-0-0-0/status") == (404, "")


def test_without_services_nothing_leads_there(server: Any) -> None:
    assert "qhubEnvironmentsPage" not in page_config(server)
    assert led_to(server, "services/dask-gateway/clusters/0123abcd/status") == (404, "")

"""Leads panes of JupyterLab's Dask panel to the gateway, which shows a dashboard to its owner alone.

A Jupyter Server extension. By itself the panel (dask-labextension 7.0) asks the person's server for dashboards: it
takes an address such as `/services/dask-gateway/…` for one below the server's own, and the pages of its own clusters it
fetches from the host of their link, without the path. A redirect mends both: the browser goes on as the person, who is
signed in to the hub, and neither this server nor its idle time has anything to do with the pages.
"""

import os
import re
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.routing import PathMatches, Rule

_CLUSTER = r"(?P<cluster>\w+(?:-\w+){4})"  # as the panel names its clusters


class GatewayPageHandler(JupyterHandler):
    """`GET <server>/services/dask-gateway/…`: the same page of the hub's."""

    def initialize(self, public: str) -> None:
        """What Tornado hands over from the table of handlers.

        Args:
            public: path of the gateway as browsers reach it, with slashes around it.
        """
        self._public = public

    @web.authenticated
    def get(self, page: str) -> None:
        """Send the browser there."""
        self._leave_for(page)

    def _leave_for(self, page: str) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{self._public}{page.lstrip('/')}{query}")


class PanelDashboardHandler(GatewayPageHandler):
    """`GET <server>/dask/dashboard/<cluster>/…`: a page of the dashboard of one of the panel's clusters."""

    # Named in the path, and so handed over by name.
    @web.authenticated
    def get(self, cluster: str, page: str) -> None:
        """Send the browser there.

        Raises:
            HTTPError: 404; the panel has no such cluster.
        """
        from dask_labextension.manager import manager  # type: ignore[import-untyped]

        known = manager.get_cluster(cluster) or {}
        link = str(known.get("dashboard_link", ""))
        if not link.startswith(self._public):
            raise web.HTTPError(404, "No such cluster runs. It may have ended.")
        self._leave_for(link.removeprefix(self._public).removesuffix("/status") + page)


def routes(base: str, public: str) -> list[Rule]:
    """Where the panel looks for dashboards.

    Args:
        base: path of this server (`/user/ann/`).
        public: path of the gateway (`/services/dask-gateway/`).
    """
    own = re.escape(url_path_join(base, "dask/dashboard/"))
    hubs = re.escape(base.rstrip("/")) + "/+" + re.escape(public.strip("/"))
    settings = {"public": public}
    return [
        Rule(PathMatches(f"{own}{_CLUSTER}(?P<page>/.*)"), PanelDashboardHandler, settings),
        Rule(PathMatches(f"{hubs}/(?P<page>clusters/.*)"), GatewayPageHandler, settings),
    ]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer the panel where there is a gateway."""
    public = os.environ.get("DASK_GATEWAY__PUBLIC_ADDRESS", "")
    if public.startswith("/"):
        application = serverapp.web_app
        # Before the panel's own, which are there already: handlers are asked in their order.
        application.default_router.rules[:0] = routes(application.settings["base_url"], f"/{public.strip('/')}/")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]

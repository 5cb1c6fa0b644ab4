"""Lets an open JupyterLab notice new kernels within seconds; by itself it looks once a minute.

A Jupyter Server extension; the page's half is the prebuilt JupyterLab extension `qhub-kernels`.
"""

import os
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from qhub_hub.singleuser.kernels import EnvironmentKernels

HEADER = "QHub-Kernels"


class KernelsHandler(APIHandler):
    """`GET <server>/qhub/kernels`: a mark that changes when kernels do, as a header of an answer that is no activity.

    304 for the same reason as in `notices`: an open page must not keep a server from being idle.
    """

    _track_activity = False

    def initialize(self, kernels: EnvironmentKernels) -> None:
        """What Tornado hands over from the table of handlers."""
        self._kernels = kernels

    @web.authenticated
    def get(self) -> None:
        """Answer 304 with the mark."""
        self.set_header(HEADER, f"{os.getpid()}-{self._kernels.changes()}")
        self.set_status(304)
        self.finish()


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer the page, unless the person chose another manager of kernels."""
    kernels = serverapp.kernel_spec_manager
    if isinstance(kernels, EnvironmentKernels):
        application = serverapp.web_app
        path = url_path_join(application.settings["base_url"], "qhub", "kernels")
        application.add_handlers(".*$", [(path, KernelsHandler, {"kernels": kernels})])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]

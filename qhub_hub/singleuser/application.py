"""JupyterHub's single-user server with JupyterLab, with QHub's settings.

What starts is JupyterHub's own server extension, unchanged: sign-in, access checks and activity reports are
its.
"""

import os
from collections.abc import Sequence
from typing import Any

# LabApp is loaded by name later; imported here, its time passes while the name library is being tried.
from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser.extension import JupyterHubSingleUser
from jupyterlab.labapp import LabApp as LabApp

from qhub_hub.singleuser.names import NOTICE
from qhub_hub.singleuser.settings import defaults, rules


class QHubServerApp(ServerApp):
    """Jupyter Server whose rules stand above the person's configuration files."""

    # jupyter_core gives the method other arguments than traitlets, which it comes from.
    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the files as Jupyter Server does, then set the rules over them."""
        super().load_config_file(suppress_errors)
        self.update_config(rules(os.environ))


class QHubSingleUser(JupyterHubSingleUser):  # type: ignore[misc]  # jupyterhub is seen without types
    """Starts `QHubServerApp` with JupyterHub's extension in it."""

    serverapp_class = QHubServerApp

    @classmethod
    def get_extension_package(cls) -> str:
        """The package whose extension is loaded: JupyterHub's, not this subclass's."""
        return "jupyterhub"

    @classmethod
    def make_serverapp(cls, **kwargs: Any) -> ServerApp:
        """The server, with defaults that configuration files may change."""
        app: ServerApp = super().make_serverapp(config=defaults(os.environ.get(NOTICE, "")), **kwargs)
        return app


def launch(argv: Sequence[str]) -> None:
    """Be the server until it is stopped.

    Args:
        argv: arguments of `jupyterhub-singleuser`.
    """
    QHubSingleUser.launch_instance(list(argv))

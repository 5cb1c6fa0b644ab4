"""JupyterHub's single-user server with JupyterLab, with QHub's settings.

What starts is JupyterHub's own server extension, unchanged: sign-in, access checks and activity reports are its.
"""

import os
from collections.abc import Sequence

from jupyter_server import serverapp
from jupyterhub.singleuser.extension import JupyterHubSingleUser

# Loaded by name later; imported here, its time passes while the name library is being tried.
from jupyterlab.labapp import LabApp as LabApp

from qhub_hub.singleuser.kernels import default_kernel
from qhub_hub.singleuser.settings import defaults, rules


class ServerApp(serverapp.ServerApp):
    """Jupyter Server whose defaults stand below the configuration files, and whose rules above them.

    Called as its parent, because the name is a section of those files and a word in every line of the log.
    """

    # jupyter_core gives the method other arguments than traitlets, which it comes from.
    def load_config_file(self, suppress_errors: bool = True) -> None:  # type: ignore[override]
        """Read the files as Jupyter Server does; arguments of the command still come last."""
        self.update_config(defaults(os.environ))
        if kernel := default_kernel(os.environ):
            self.config.MappingKernelManager.default_kernel_name = kernel
        super().load_config_file(suppress_errors)
        self.update_config(rules(os.environ))


class QHubSingleUser(JupyterHubSingleUser):  # type: ignore[misc]  # jupyterhub is seen without types
    """Starts this `ServerApp` with JupyterHub's extension in it."""

    serverapp_class = ServerApp

    @classmethod
    def get_extension_package(cls) -> str:
        """The package whose extension is loaded: JupyterHub's, not this subclass's."""
        return "jupyterhub"


def launch(argv: Sequence[str]) -> None:
    """Be the server until it is stopped.

    Args:
        argv: arguments of `jupyterhub-singleuser`.
    """
    QHubSingleUser.launch_instance(list(argv))

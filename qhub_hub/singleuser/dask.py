"""Dask in a server: its client mended wherever it is imported, and JupyterLab's Dask panel led to the gateway."""

import os
from collections.abc import MutableMapping
from pathlib import Path


def mend_client(env: MutableMapping[str, str]) -> None:
    """Let every Python that is started from here load the mended client of Dask-Gateway, those of environments too.

    See `dask_client/sitecustomize.py`. A `.pth` file would have to be put into each environment, which nobody here may
    write to.
    """
    folders = (str(Path(__file__).with_name("dask_client")), env.get("PYTHONPATH", ""))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, folders))


def lead_panel(env: MutableMapping[str, str]) -> None:
    """Let the button *New* of JupyterLab's Dask panel make clusters of the gateway, where there is one."""
    if env.get("DASK_GATEWAY__ADDRESS"):
        env["DASK_LABEXTENSION__FACTORY__MODULE"] = "qhub_hub.singleuser.dask_panel"
        env["DASK_LABEXTENSION__FACTORY__CLASS"] = "GatewayCluster"

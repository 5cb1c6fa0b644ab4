"""Dask in a server: its client mended wherever it is imported."""

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

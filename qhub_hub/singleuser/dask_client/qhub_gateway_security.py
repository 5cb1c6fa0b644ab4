"""Credentials of a cluster for `Client("gateway://…")`, as JupyterLab's Dask panel writes it into a notebook.

Dask calls `load` by the setting `distributed.client.security-loader`. It runs in environments that hold no part of
QHub.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(client: dict[str, Any]) -> Any:
    """The keys of one of the person's clusters; None: the address is none of the gateway's.

    Args:
        client: what Dask says of the client that is being made: its `address`.

    Raises:
        ImportError: the environment lacks the package; with a sentence.
        ValueError: the gateway knows no such cluster of theirs.
    """
    address = client.get("address")
    if not isinstance(address, str) or not address.startswith("gateway://"):
        return None
    try:
        from dask_gateway import Gateway  # this also teaches Dask what `gateway://` is
    except ImportError:
        raise ImportError(
            "This kernel's environment lacks the package dask-gateway, so it can't reach the cluster. Add the package "
            "to the environment, or choose another kernel."
        ) from None
    with Gateway() as gateway:
        return gateway.get_cluster(address.rpartition("/")[2]).security

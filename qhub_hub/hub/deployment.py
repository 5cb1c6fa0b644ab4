"""What the wiring knows of the place where the hub runs: one machine, or a release on a cluster."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Secrets:
    """What was made once for this hub and stays the same.

    Args:
        cookie: 32 bytes; signs cookies.
        proxy: what the hub shows to the proxy's API.
        crypt: 32 bytes each; the first encrypts what a sign-in provider hands out, the others still decrypt it.
        password, admin_password: of the sign-in by shared password.
    """

    cookie: bytes
    proxy: str
    crypt: tuple[bytes, ...]
    password: str
    admin_password: str


def derived_crypt_key(cookie: bytes) -> bytes:
    """A key from the cookie's: whoever has that one can sign in as anybody already, and one secret less is kept."""
    return hmac.digest(cookie, b"qhub auth state", hashlib.sha256)


@dataclass(frozen=True)
class Deployment:
    """What every place has.

    Args:
        database, usage: SQLAlchemy urls of the hub's database and of the usage record.
        secrets: see there.
        login_hint: a sentence for the sign-in page, on where the shared password is.
        address: where people reach the hub (`http://127.0.0.1:8000`); empty: not known.
    """

    database: str
    usage: str
    secrets: Secrets
    login_hint: str
    address: str


@dataclass(frozen=True)
class OneMachine(Deployment):
    """What `qhub up` knows.

    Args:
        hub_port, proxy_api_port: on the loopback address.
        proxy_command: starts configurable-http-proxy.
        runtime: folder for process files, closed to others.
        dask_port: of the Dask gateway, on the loopback address.
        dask_command: starts it, once the hub runs.
        conda_store_port: of conda-store's server, on the loopback address; 0: there is none.
    """

    hub_port: int
    proxy_api_port: int
    proxy_command: tuple[str, ...]
    runtime: Path
    dask_port: int
    dask_command: tuple[str, ...]
    conda_store_port: int = 0


@dataclass(frozen=True)
class DaskGateway:
    """Where the Dask gateway of a release is.

    Args:
        url: its proxy, to which the hub's sends what is below `/services/dask-gateway/`
            (`http://traefik-qhub-dask-gateway`).
        address: where clients reach its API (that, and the path).
        scheduler_address: where clients reach schedulers (`gateway://traefik-qhub-dask-gateway:80`).
        token: what it shows to the hub's API.
    """

    url: str
    address: str
    scheduler_address: str
    token: str


@dataclass(frozen=True)
class CondaStore:
    """Where conda-store of a release is.

    Args:
        url: its server, to which the hub's proxy sends what is below `/services/conda-store/`.
        token: what it shows to the hub's API.
        base: path below which people see the hub, without a slash at its end; mostly empty.
    """

    url: str
    token: str
    base: str


@dataclass(frozen=True)
class Cluster(Deployment):
    """What `qhub hub` finds in its pod.

    Args:
        namespace: where servers run.
        release: Helm's name of the release.
        hub_url: where servers and the proxy reach the hub.
        proxy_api_url: the proxy's API.
        storage_url: the storage service.
        lab_image: what servers run where neither profile nor environment says.
        values: the chart's `jupyterhub` section, named as in Zero to JupyterHub.
        service_tokens: by service of `hub.services`.
        config_d: folder of the administrator's own wiring files; need not exist.
        dask: the Dask gateway; None: the release has none.
        conda_store: conda-store; None: the release has none.
    """

    namespace: str
    release: str
    hub_url: str
    proxy_api_url: str
    storage_url: str
    lab_image: str
    values: Mapping[str, Any]
    service_tokens: Mapping[str, str]
    config_d: Path
    dask: DaskGateway | None = None
    conda_store: CondaStore | None = None

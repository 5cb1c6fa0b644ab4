"""What a hub finds in its pod: the chart's Secrets, mounted as folders, and a few variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from qhub_hub.cli.console import CommandError
from qhub_hub.config.models.environments import Environments
from qhub_hub.hub.chart_values import get
from qhub_hub.hub.deployment import Cluster, CondaStore, DaskGateway, Secrets

QHUB_VALUES = Path("/etc/qhub/qhub.yaml")
"""The `qhub` section: key `qhub.yaml` of the Secret `qhub`. It changes while the hub runs."""

ROOT = Path("/usr/local/etc/jupyterhub")
STATE = Path("/srv/jupyterhub")

DASK_TOKEN = "hub.services.dask-gateway.apiToken"  # noqa: S105 - a key
CONDA_STORE_TOKEN = "hub.services.conda-store.apiToken"  # noqa: S105 - a key
STORAGE_TOKEN = "qhub.storageToken"  # noqa: S105 - a key
_COOKIE, _PROXY = "hub.config.JupyterHub.cookie_secret", "hub.config.ConfigurableHTTPProxy.auth_token"
_CRYPT, _DATABASE_PASSWORD = "hub.config.CryptKeeper.keys", "hub.db.password"


class ReleaseSecrets:
    """The keys of the Secret that the chart made, or of the administrator's own, which wins.

    Args:
        root: folder with `secret` and, where there is one, `existing-secret`.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._folders = (root / "existing-secret", root / "secret")

    def get(self, key: str) -> str:
        """The text of a key; empty where it is not there."""
        for folder in self._folders:
            try:
                return (folder / key).read_text(encoding="utf-8").strip()
            except FileNotFoundError:
                continue
        return ""

    def require(self, key: str) -> str:
        """The text of a key. Raises `CommandError` where it is missing."""
        if found := self.get(key):
            return found
        raise CommandError(
            f"The key {key} is missing in the hub's Secret (looked in {' and '.join(map(str, self._folders))}).\n"
            "hint: where values state hub.existingSecret, that Secret must hold all keys that "
            "docs/guides/kubernetes.md lists; `qhub doctor` names the missing ones."
        )

    def keys_of_bytes(self, key: str) -> list[bytes]:
        """Keys of 32 bytes, written as hexadecimal and separated by semicolons.

        Raises:
            CommandError: it is missing or is something else.
        """
        try:
            found = [bytes.fromhex(part) for part in self.require(key).split(";") if part]
        except ValueError:
            found = []
        if not found or any(len(part) != 32 for part in found):
            raise CommandError(
                f"The key {key} of the hub's Secret must be 64 hexadecimal digits.\nhint: make one with: "
                "openssl rand -hex 32"
            )
        return found

    def values(self) -> dict[str, Any]:
        """The chart's `jupyterhub` values, with those of the administrator's own Secret over them."""
        merged: dict[str, Any] = {}
        for folder in reversed(self._folders):
            path = folder / "values.yaml"
            if path.exists():
                found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
                if not isinstance(found, dict):
                    raise CommandError(f"{path} must hold a map, found {type(found).__name__}.")
                merged = _over(merged, found)
        return merged


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _over(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in above.items()
    }
    return {**below, **both}


def read_cluster(secrets: ReleaseSecrets, environment: Mapping[str, str] = os.environ, state: Path = STATE) -> Cluster:
    """What the wiring needs to know of this release.

    Raises:
        CommandError: something is missing: this is no pod of the chart, or its Secret is incomplete.
    """
    values = secrets.values()
    crypt = secrets.keys_of_bytes(_CRYPT)
    database, records = _databases(values, secrets.get(_DATABASE_PASSWORD), state)
    namespace = _variable(environment, "POD_NAMESPACE")
    return Cluster(
        database=database,
        usage=records or f"sqlite:///{state}/usage.sqlite",
        secrets=Secrets(
            cookie=secrets.keys_of_bytes(_COOKIE)[0],
            proxy=secrets.require(_PROXY),
            crypt=tuple(crypt),
            password=secrets.require("qhub.password"),
            admin_password=secrets.require("qhub.adminPassword"),
        ),
        login_hint=f"Whoever installed it finds the password in the Secret of the hub in the namespace {namespace}.",
        address="",
        namespace=namespace,
        release=environment.get("HELM_RELEASE_NAME", ""),
        hub_url=_variable(environment, "QHUB_HUB_URL"),
        proxy_api_url=_variable(environment, "QHUB_PROXY_API_URL"),
        lab_image=_variable(environment, "QHUB_LAB_IMAGE"),
        storage_url=_variable(environment, "QHUB_STORAGE_URL"),
        values=values,
        service_tokens={
            name: token
            for key, service in (get(values, "hub.services") or {}).items()
            for name in [(service or {}).get("name") or key]
            if (token := secrets.get(f"hub.services.{name}.apiToken"))
        },
        config_d=secrets.root / "jupyterhub_config.d",
    )


def dask_gateway(section: Mapping[str, Any], secrets: ReleaseSecrets) -> DaskGateway | None:
    """Where the Dask gateway is; None: the release has none.

    Args:
        section: what the chart wrote beside the `qhub` section, as `dask-gateway`.

    Raises:
        CommandError: the gateway's token is missing.
    """
    if not section.get("url"):
        return None
    return DaskGateway(
        url=str(section["url"]),
        address=str(section["address"]),
        scheduler_address=str(section["schedulerAddress"]),
        token=secrets.require(DASK_TOKEN),
    )


def conda_store(
    environments: Environments, cluster: Cluster, secrets: ReleaseSecrets, environment: Mapping[str, str] = os.environ
) -> CondaStore | None:
    """Where conda-store is; None: something else builds the environments, or nothing does.

    Raises:
        CommandError: its token is missing, or this is no pod of the chart.
    """
    if environments.provider != "conda-store" or not environments.builder.enabled:
        return None
    base = str(get(cluster.values, "hub.baseUrl") or "").strip("/")
    return CondaStore(
        url=_variable(environment, "QHUB_CONDA_STORE_URL"),
        token=secrets.require(CONDA_STORE_TOKEN),
        base=f"/{base}" if base else "",
    )


def identities_url(cluster: Cluster, state: Path = STATE) -> str:
    """The identity database: in the hub's own where that is a PostgreSQL, else a file beside it."""
    return cluster.database if cluster.database.startswith("postgres") else f"sqlite:///{state}/identities.sqlite"


def _databases(values: Mapping[str, Any], password: str, state: Path) -> tuple[str, str]:
    """Urls of the hub's database, and of the usage record where it is the same."""
    kind, url = get(values, "hub.db.type") or "sqlite-pvc", get(values, "hub.db.url") or ""
    if kind == "sqlite-memory":
        return "sqlite://", ""
    if kind != "postgres":
        return url or f"sqlite:///{state}/jupyterhub.sqlite", ""
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.SQLAlchemyError:
        raise CommandError(
            "jupyterhub.hub.db.url can't be read as an address; allowed is postgresql://user@host:5432/database."
        ) from None
    # psycopg is the driver in the image.
    parsed = parsed.set(drivername="postgresql+psycopg")
    text = (parsed.set(password=password) if password else parsed).render_as_string(hide_password=False)
    return text, text


def _variable(environment: Mapping[str, str], name: str) -> str:
    if found := environment.get(name):
        return found
    raise CommandError(
        f"The variable {name} is not set, so this is no pod of QHub's chart.\n"
        "hint: on one machine, run `qhub up`; on a cluster, the chart runs this command."
    )

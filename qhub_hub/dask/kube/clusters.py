"""Clusters as objects of one namespace, with their credentials sealed in them, and the proxy's routes to them."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiohttp import web
from dask_gateway_server.backends.kubernetes.backend import KubeBackend
from dask_gateway_server.backends.kubernetes.utils import Informer
from kubernetes_asyncio.client.exceptions import ApiException
from traitlets import Unicode

from qhub_hub.dask.kube.namespaced import in_namespace
from qhub_hub.dask.kube.routes import Routes
from qhub_hub.dask.kube.seal import SEALED, BrokenSeal, Credentials, Seal
from qhub_hub.dask.tls import new_keypair

_SEEN_WITHIN = 5.0  # seconds after which a new cluster is counted even if nothing was heard of it


class _Secret(NamedTuple):
    data: Mapping[str, str]


class _SealedSecrets:
    """Stands in for upstream's client of Kubernetes' core API, of which its backend uses this one method."""

    def __init__(self, clusters: Informer, seal: Seal, log: Any) -> None:
        self._clusters = clusters
        self._seal = seal
        self._log = log

    async def read_namespaced_secret(self, name: str, namespace: str) -> _Secret:
        """What the Secret of a cluster holds, without reading it."""
        key = f"{namespace}.{name.removeprefix('dask-credentials-')}"
        try:
            credentials = self._seal.open(self._clusters.get(key)["spec"].get(SEALED), key)
        except BrokenSeal as error:
            self._log.error("%s", error)
            # Nobody can show this token, so the cluster can be listed and stopped, and nothing else.
            credentials = Credentials("", "", secrets.token_hex(32))
        return _Secret(credentials.as_secret_data())


class NamespacedKubeBackend(KubeBackend):  # type: ignore[misc]  # upstream has no types
    """Upstream's backend (2026.3.0) with no rights beyond its namespace, none on Secrets, and without traefik."""

    namespace = Unicode(help="where this release is", config=True)
    seal_key = Unicode(help="see Seal", config=True)
    deployment = Unicode(help="this gateway's own, with which its clusters go", config=True)

    _informer: Informer
    _owners: Sequence[Mapping[str, str]] = ()

    @property
    def informer(self) -> Informer:
        """Of clusters."""
        return self._informer

    @informer.setter
    def informer(self, made: Informer) -> None:
        # Upstream's `setup` makes it and then starts it: this is where it can be told to stay in the namespace.
        self._informer = in_namespace(made, self.namespace)

    async def setup(self, app: web.Application) -> None:
        """Know all clusters and their routes before anybody is answered."""
        self.seal = Seal(self.seal_key)
        self.routes = Routes(parent=self, log=self.log, externally_managed=True)
        await self.routes.setup(app)
        await super().setup(app)
        self.core_client = _SealedSecrets(self.informer, self.seal, self.log)
        self._owners = await self._found_owners()
        for name in list(self.informer.cache):
            await self.sync_cluster(name)

    async def cleanup(self) -> None:
        """See `Backend.cleanup`."""
        await super().cleanup()
        await self.routes.cleanup()

    async def start_cluster(self, user: Any, cluster_options: object) -> str:
        """See `Backend.start_cluster`; returns when the cluster is in the list, by which limits are counted."""
        name: str = await super().start_cluster(user, cluster_options)
        for _ in range(round(_SEEN_WITHIN / 0.02)):
            if name in self.clusters:
                break
            await asyncio.sleep(0.02)
        return name

    def make_cluster_object(self, username: str, options: dict[str, Any], config: Any) -> dict[str, Any]:
        """See `KubeBackend.make_cluster_object`, with the cluster's credentials."""
        made: dict[str, Any] = super().make_cluster_object(username, options, config)
        name = f"{config.namespace}.{made['metadata']['name']}"
        certificate, key = new_keypair(name)
        credentials = Credentials(certificate.decode(), key.decode(), secrets.token_hex(32))
        made["spec"][SEALED] = self.seal.close(credentials, name)
        made["metadata"]["ownerReferences"] = [*self._owners]
        return made

    async def _found_owners(self) -> Sequence[Mapping[str, str]]:
        """What Kubernetes deletes clusters with: else they went on, and cost, when the release is gone."""
        try:
            found = await self.custom_client.get_namespaced_custom_object(
                group="apps", version="v1", namespace=self.namespace, plural="deployments", name=self.deployment
            )
        except ApiException as error:
            self.log.warning(
                "The deployment %s can't be read (%s): Dask clusters go on when it is deleted. Allow this gateway's "
                "service account to get it.",
                self.deployment,
                error.status,
            )
            return ()
        return (
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.deployment, "uid": found["metadata"]["uid"]},
        )

    async def sync_cluster(self, cluster_name: str) -> None:
        """See `KubeBackend.sync_cluster`; the proxy is told as well."""
        await super().sync_cluster(cluster_name)
        await self.routes.lead_to(cluster_name, self.clusters.get(cluster_name))

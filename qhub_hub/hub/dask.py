"""Dask-Gateway as a service of the hub: what it may ask, what servers know of it, what it reports."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.utils import utcnow
from tornado.web import HTTPError

from qhub_hub.hub.dask_usage import ClusterRuns
from qhub_hub.hub.deployment import Cluster, Deployment, OneMachine
from qhub_hub.hub.planned import hub_groups
from qhub_hub.hub.service_api import PersonHandler, ServiceHandler
from qhub_hub.hub.site import Site
from qhub_hub.hub.usage import UsageRecord
from qhub_hub.hub.usage_database import UsageUnavailable
from qhub_hub.identity import Identity, peers_of, render_group, render_passwd, view_of
from qhub_hub.sessions import limits_cost

NAME = "dask-gateway"
"""Of the service at the hub."""

IDENTITY_SCOPE = "custom:qhub:identity"
REPORT_SCOPE = "custom:qhub:clusters"
SCOPES = {
    IDENTITY_SCOPE: {"description": "Read ids, groups and names of people"},
    REPORT_SCOPE: {"description": "Report running clusters"},
}

ACCESS = f"access:services!service={NAME}"
SERVER_SCOPES = ("users:activity!user", "access:servers!server", ACCESS)
"""What a server's own token may do: JupyterHub's two, and use the gateway."""


@dataclass(frozen=True)
class Gateway:
    """How the hub and people's servers know the gateway.

    Args:
        url: where the hub's proxy finds it.
        token: what it shows to the hub.
        route: path at the hub's proxy, with a slash at its end.
        variables: of servers, so that `Gateway()` needs no argument.
    """

    url: str
    token: str
    route: str
    variables: Mapping[str, str]

    @property
    def service(self) -> dict[str, Any]:
        """For `JupyterHub.services`. Without a `url`: JupyterHub 6.1 would wait for that at its start."""
        return {
            "name": NAME,
            "api_token": self.token,
            "display": False,
            "oauth_client_id": f"service-{NAME}",
            "oauth_redirect_uri": f"{self.route}oauth_callback",
            "oauth_no_confirm": True,
        }


def gateway_of(deployment: Deployment | None) -> Gateway | None:
    """The gateway of a place; None: it has none."""
    if isinstance(deployment, OneMachine):
        url = f"http://127.0.0.1:{deployment.dask_port}"
        schedulers = f"gateway://127.0.0.1:{deployment.dask_port}"
        return _gateway(url, service_token(deployment), f"{url}/services/{NAME}", schedulers)
    if isinstance(deployment, Cluster) and deployment.dask is not None:
        dask = deployment.dask
        return _gateway(dask.url, dask.token, dask.address, dask.scheduler_address)
    return None


def _gateway(url: str, token: str, address: str, schedulers: str) -> Gateway:
    return Gateway(url, token, f"{urlsplit(address).path}/", _variables(address, schedulers))


def service_token(machine: OneMachine) -> str:
    """What the gateway of one machine shows to the hub: the same at every start, so none is left in the database."""
    return hmac.digest(machine.secrets.cookie, b"qhub dask-gateway", hashlib.sha256).hex()


def service_variables(machine: OneMachine) -> dict[str, str]:
    """What JupyterHub tells the services that it starts itself, for the gateway of one machine."""
    return {
        "JUPYTERHUB_SERVICE_NAME": NAME,
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{machine.hub_port}/hub/api",
        "JUPYTERHUB_API_TOKEN": service_token(machine),
    }


def _variables(address: str, proxy_address: str) -> Mapping[str, str]:
    """
    Args:
        address: of the gateway's API, as servers reach it.
        proxy_address: where schedulers are reached (`gateway://host:port`).
    """
    return {
        "DASK_GATEWAY__ADDRESS": address,
        "DASK_GATEWAY__PROXY_ADDRESS": proxy_address,
        # A path, so that links to dashboards hold behind any host name.
        "DASK_GATEWAY__PUBLIC_ADDRESS": f"{urlsplit(address).path}/",
        "DASK_GATEWAY__AUTH__TYPE": "jupyterhub",
        # Clusters run what the notebook runs. Kernels of environments set the variable, the others' is empty.
        "DASK_GATEWAY__CLUSTER__OPTIONS__ENVIRONMENT": "{QHUB_KERNEL_ENVIRONMENT}",
        "QHUB_KERNEL_ENVIRONMENT": "",
    }


class IdentityHandler(PersonHandler):
    """`GET /hub/api/qhub/identity/<name>`: who somebody is to Linux, for the processes of their clusters."""

    scope = IDENTITY_SCOPE

    async def told(self, site: Site, user: Any) -> Mapping[str, Any]:
        """Ids, names and groups; their folders are there from now on."""
        identity = site.identity(user.name, hub_groups(user))
        running = any(spawner.active for spawner in list(user.spawners.values()))
        if not running:
            # With a server the folders are there.
            await site.prepare(identity)
        return {**person_answer(site, identity, running), "paid_today": self._paid_today(site, identity)}

    def _paid_today(self, site: Site, identity: Identity) -> Mapping[str, float] | None:
        """What they (key `""`) and all members of each of their groups paid since midnight UTC; None: no limit asks for
        it, or the record can't tell, on which the gateway refuses a cluster."""
        record: UsageRecord | None = self.settings.get("qhub_usage")
        if record is None or not limits_cost(site.config, identity):
            return None
        try:
            paid = record.cost_today(identity.name, identity.group_names, site.config.prices.currency)
        except UsageUnavailable as error:
            self.log.error("%s", error)
            return None
        return {"": paid.people.get(identity.name, 0.0), **paid.groups}


class ClustersHandler(ServiceHandler):
    """`POST /hub/api/qhub/clusters`: which clusters run now, every few seconds, for usage and activity."""

    scope = REPORT_SCOPE

    def post(self) -> None:
        """Take a report: `{"clusters": [{name, user, workers, works, summary}]}`."""
        body = self.get_json_body() or {}
        clusters = body.get("clusters")
        if not isinstance(clusters, list) or not all(isinstance(cluster, dict) for cluster in clusters):
            raise HTTPError(400, "A report must hold a list of clusters.")
        runs: ClusterRuns | None = self.settings.get("qhub_cluster_runs")
        if runs is not None:
            runs.report(clusters)
        for name in {cluster.get("user") for cluster in clusters if cluster.get("works") is True}:
            self._keep_awake(name)
        self.db.commit()
        self.write({})

    def _keep_awake(self, name: object) -> None:
        """A cluster that computes is activity of its owner's servers; one that waits is not."""
        user = self.find_user(name) if isinstance(name, str) else None
        now = utcnow(with_tz=False)
        for spawner in list(user.spawners.values()) if user is not None else ():
            if spawner.ready:
                spawner.orm_spawner.last_activity = now


def person_answer(site: Site, identity: Identity, running: bool) -> Mapping[str, Any]:
    """The hub's answer about somebody, as plain JSON values; read by `qhub_hub.dask.person`.

    Args:
        running: whether one of their servers runs.
    """
    view = view_of(identity, peers_of(site.memberships, site.store, identity))
    fields = asdict(identity)
    del fields["group_names"]  # derived
    return {
        "identity": fields,
        "passwd": render_passwd(view),
        "group": render_group(view),
        "server_running": running,
    }


def handlers() -> list[tuple[Any, ...]]:
    """For `JupyterHub.extra_handlers`."""
    return [(r"/api/qhub/identity/([^/]+)", IdentityHandler), (r"/api/qhub/clusters", ClustersHandler)]

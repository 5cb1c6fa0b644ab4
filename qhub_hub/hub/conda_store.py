"""conda-store as a service of the hub: what it may ask about people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from qhub_hub.config.models import Config
from qhub_hub.environments import conda_store, group_namespace, user_namespace
from qhub_hub.hub.deployment import Cluster, Deployment, OneMachine
from qhub_hub.hub.planned import hub_groups
from qhub_hub.hub.service_api import PersonHandler
from qhub_hub.hub.site import Site
from qhub_hub.identity import Identity
from qhub_hub.sessions.catalogue import own_namespaces

NAME = "conda-store"
"""Of the service at the hub."""

RIGHTS_SCOPE = "custom:qhub:environments"
SCOPES = {RIGHTS_SCOPE: {"description": "Read which environments people may see and make"}}
ACCESS = f"access:services!service={NAME}"


@dataclass(frozen=True)
class Service:
    """How the hub knows conda-store.

    Args:
        url: where the hub's proxy finds it.
        token: what it shows to the hub.
        base: path below which people see the hub, without a slash at its end; mostly empty.
    """

    url: str
    token: str
    base: str

    @property
    def route(self) -> str:
        """Path at the hub's proxy, and of the page."""
        return f"{self.base}{conda_store.SERVICE}/"

    @property
    def entry(self) -> dict[str, Any]:
        """For `JupyterHub.services`. Without a `url`: JupyterHub 6.1 would wait for that at its start."""
        return {
            "name": NAME,
            "api_token": self.token,
            "display": False,
            "oauth_client_id": f"service-{NAME}",
            "oauth_redirect_uri": f"{self.route}oauth_callback/",
            "oauth_no_confirm": True,
        }


def service_of(deployment: Deployment | None) -> Service | None:
    """conda-store of a place; None: it has none."""
    if isinstance(deployment, OneMachine) and deployment.conda_store_port:
        base = urlsplit(deployment.address).path
        return Service(f"http://127.0.0.1:{deployment.conda_store_port}", service_token(deployment), base)
    if isinstance(deployment, Cluster) and deployment.conda_store is not None:
        found = deployment.conda_store
        return Service(found.url, found.token, found.base)
    return None


def service_token(machine: OneMachine) -> str:
    """What conda-store of one machine shows to the hub: the same at every start, so none is left in the database."""
    return derived(machine, "service")


def derived(machine: OneMachine, use: str) -> str:
    """A secret of its conda-store's, from the cookie's. Nobody gets from one to another.

    Args:
        use: tells it from others.
    """
    return conda_store.derived(machine.secrets.cookie, use)


class EnvironmentRightsHandler(PersonHandler):
    """`GET /hub/api/qhub/environments/<name>`: in which namespaces somebody sees, and makes, environments."""

    scope = RIGHTS_SCOPE

    async def told(self, site: Site, user: Any) -> Mapping[str, Any]:
        """Namespaces by right."""
        return rights(site.config, site.identity(user.name, hub_groups(user)), bool(user.admin))


def rights(config: Config, identity: Identity, admin: bool) -> Mapping[str, Any]:
    """The hub's answer about somebody, as plain JSON values; read by `qhub_hub.conda_store.rights`.

    People make environments in their own namespace and in those of their groups, as far as they may see these.
    """
    seen = own_namespaces(config, identity)
    own = {user_namespace(identity.name), *map(group_namespace, identity.group_names)}
    return {
        "admin": admin,
        "home": user_namespace(identity.name),
        "build": [name for name in seen if name in own],
        "see": list(seen),
    }


def handlers() -> list[tuple[Any, ...]]:
    """For `JupyterHub.extra_handlers`."""
    return [(r"/api/qhub/environments/([^/]+)", EnvironmentRightsHandler)]

# A hub whose servers are pods: a site without a machine, and no proxy in front of it.
import os
from collections.abc import Iterable
from pathlib import Path

from jupyterhub.proxy import Proxy

from qhub_hub.config import LiveConfig
from qhub_hub.hub.handlers import template_variables
from qhub_hub.hub.site import Site
from qhub_hub.hub.spawn_page import template_folder
from qhub_hub.hub.usage import UsageRecord
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Directory

state = Path(os.environ["QHUB_TEST_STATE"])
address = os.environ["QHUB_TEST_ADDRESS"]


class Listed:
    """Folders that are only written down."""

    def ensure(self, wanted: Iterable[Directory]) -> None:
        with (state / "folders").open("a") as file:
            file.writelines(f"{folder.path}\n" for folder in wanted)


class RememberedRoutes(Proxy):
    """A proxy that proxies nothing: these tests talk to the hub and to the cluster."""

    should_start = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.routes = {}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return dict(self.routes)


site = Site(LiveConfig(state / "values.yaml"), IdentityStore(f"sqlite:///{state}/ids.sqlite"), Listed())
c = get_config()  # noqa: F821 - given by whoever runs this file

c.JupyterHub.tornado_settings = {"qhub": site, "qhub_usage": UsageRecord(f"sqlite:///{state}/usage.sqlite")}
c.JupyterHub.template_paths = [str(template_folder())]
c.JupyterHub.template_vars = template_variables(site, "")
c.JupyterHub.proxy_class = RememberedRoutes
c.JupyterHub.spawner_class = "qhub_hub.hub.kube.QHubSpawner"
c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = address
c.JupyterHub.db_url = f"sqlite:///{state}/hub.sqlite"
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.implicit_spawn_seconds = 0
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "test", "api_token": "test-test-test"}]
c.JupyterHub.load_roles = [
    {"name": "test", "services": ["test"], "scopes": ["admin:users", "admin:servers", "admin:server_state", "groups"]}
]
c.KubeSpawner.image = "registry.example/lab:1"
c.KubeSpawner.namespace = "default"
c.KubeSpawner.start_timeout = 20
c.Spawner.http_timeout = 10

"""Dask-Gateway's server as QHub runs it: configured from the values, with people as the hub knows them."""

from collections.abc import Mapping
from typing import Any

from dask_gateway_server.app import DaskGateway
from traitlets import Any as AnyTrait
from traitlets.config import Config

from qhub_hub.dask.authenticator import QHubAuthenticator
from qhub_hub.dask.dashboard import Dashboards
from qhub_hub.dask.hub_api import HubApi
from qhub_hub.dask.sign_in import Client, SignIn
from qhub_hub.dask.strict_requests import strict_requests

PREFIX = "/services/dask-gateway"
"""Below it the gateway answers, at the hub's proxy and at its own."""


class QHubGateway(DaskGateway):  # type: ignore[misc]  # upstream has no types
    """The gateway of one machine or of a release. There is no configuration file: policy is in the values.

    Args:
        values: what decisions are made from.
        hub: who knows people.
        client: the gateway at the hub's sign-in; None: there is none, and dashboards are closed.
    """

    values: Any = AnyTrait(help="a GatewayValues")
    hub: Any = AnyTrait(help="a HubApi")

    client: Any = AnyTrait(None, allow_none=True, help="a Client")

    def load_config_file(self, filename: str) -> None:
        """Reads nothing: what lies in the working folder must not configure a service."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """Make authenticator, backend and web application."""
        super().initialize([])
        for handler in self.log.handlers:
            # Requests are logged with their query; one of them brings the word by which a browser signs in.
            handler.addFilter(lambda record: "/oauth_callback" not in record.getMessage())
        self.app.middlewares.append(strict_requests)
        if self.client is not None:
            dashboards = Dashboards(SignIn(self.hub, self.client), self.backend)
            self.app.add_routes(dashboards.routes(("", PREFIX)))
            self.app.on_cleanup.append(dashboards.close)

    async def cleanup(self) -> None:
        """End clusters where the backend does so, and close connections."""
        await super().cleanup()
        await self.hub.close()


def gateway_settings(hub: HubApi, service: str, sections: Mapping[str, Mapping[str, Any]]) -> Config:
    """The configuration of a gateway.

    Args:
        service: its name at the hub.
        sections: settings by class, of backend and proxy.
    """
    config = Config({name: dict(traits) for name, traits in sections.items()})
    config.DaskGateway.authenticator_class = QHubAuthenticator
    config.QHubAuthenticator.jupyterhub_api_url = hub.url
    config.QHubAuthenticator.jupyterhub_api_token = hub.token
    config.QHubAuthenticator.jupyterhub_service_name = service
    return config


def client_of(environ: Mapping[str, str], token: str) -> Client:
    """The gateway at the hub's sign-in, from the variables that JupyterHub gives its services.

    Args:
        environ: `JUPYTERHUB_CLIENT_ID`, `JUPYTERHUB_BASE_URL` and `JUPYTERHUB_SERVICE_NAME`; what is missing is as
            JupyterHub has it by default.
        token: of the service.
    """
    base = environ.get("JUPYTERHUB_BASE_URL", "/")
    service = environ.get("JUPYTERHUB_SERVICE_NAME", "dask-gateway")
    return Client(
        id=environ.get("JUPYTERHUB_CLIENT_ID", f"service-{service}"),
        secret=token,
        authorize=f"{base}hub/api/oauth2/authorize",
        callback=f"{base}services/{service}/oauth_callback",
        access=frozenset({"access:services", f"access:services!service={service}"}),
    )

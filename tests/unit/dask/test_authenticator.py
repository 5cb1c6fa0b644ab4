"""What the gateway answers to whoever comes with a token, by what the hub says of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import pytest
from aiohttp import web
from traitlets.config import LoggingConfigurable

from qhub_hub.dask.authenticator import QHubAuthenticator
from qhub_hub.dask.hub_api import HubUnavailable, NoSuchPerson

ANN = {"name": "ann", "kind": "user", "groups": [], "admin": False, "scopes": ["access:services"]}


class Hub:
    """Knows ann, or fails as it is told to."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    async def person(self, name: str) -> str:
        if self.fault:
            raise self.fault
        return f"the person {name}"


class Gateway(LoggingConfigurable):
    """The application, as far as it is asked here."""

    hub: Hub


@pytest.fixture
async def ask() -> AsyncIterator[Callable[..., Awaitable[object]]]:
    """Come with a token: `await ask(status=403)`, for a hub that answers so."""
    running: list[tuple[web.AppRunner, QHubAuthenticator]] = []

    async def ask(status: int = 200, said: object = ANN, fault: Exception | None = None, header: str = "jupyterhub t"):
        async def user(request: web.Request) -> web.Response:
            return web.json_response(said, status=status)

        app = web.Application()
        app.router.add_get("/user", user)
        runner, gateway = web.AppRunner(app), Gateway()
        gateway.hub = Hub(fault)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        authenticator = QHubAuthenticator(
            parent=gateway,
            jupyterhub_api_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
            jupyterhub_api_token="",
            jupyterhub_service_name="dask-gateway",
        )
        running.append((runner, authenticator))
        await authenticator.setup(app)
        return await authenticator.authenticate(SimpleNamespace(headers={"Authorization": header}))

    yield ask
    for runner, authenticator in running:
        await authenticator.cleanup()
        await runner.cleanup()


async def test_whoever_has_a_token_for_the_gateway_is_the_person_that_the_hub_knows(ask) -> None:
    user = await ask()
    assert (user.name, user.person) == ("ann", "the person ann")


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        pytest.param({"header": ""}, 401, id="no token"),
        pytest.param({"header": "jupyterhub "}, 401, id="empty token"),
        pytest.param({"header": "Basic YW5uOng="}, 401, id="a password"),
        pytest.param({"status": 403}, 401, id="revoked or made-up token"),
        pytest.param({"status": 404}, 401, id="removed person"),
        pytest.param({"said": {**ANN, "scopes": ["read:users"]}}, 401, id="token for something else"),
        pytest.param({"status": 503}, 502, id="hub is starting"),
        pytest.param({"fault": NoSuchPerson("ann")}, 403, id="blocked person"),
        pytest.param({"fault": HubUnavailable("away")}, 502, id="hub went away"),
    ],
)
async def test_everybody_else_is_refused(ask, answers, status) -> None:
    with pytest.raises(web.HTTPException) as refused:
        await ask(**answers)
    assert refused.value.status == status

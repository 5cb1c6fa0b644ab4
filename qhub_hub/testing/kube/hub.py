"""A real JupyterHub in the test process, with KubeSpawner against the fake cluster. Import it only where a hub runs."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from jupyterhub.utils import random_port

from qhub_hub.testing.kube.cluster import FakeKube
from qhub_hub.testing.kube.kinds import Object
from qhub_hub.testing.kube.proxy import InProcessProxy

Config = Mapping[str, Mapping[str, Any]]
"""JupyterHub configuration: class, trait, value."""

_SCOPES = ["admin:users", "admin:groups", "admin:servers", "admin:server_state", "access:servers", "tokens", "proxy"]


@dataclass(frozen=True)
class Answer:
    """What the hub's REST API answered."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""


class KubeHub:
    """A running hub.

    Args:
        app: the JupyterHub application.
        kube: the cluster that its servers run on.
        token: of a service that may do everything.
    """

    def __init__(self, app: Any, kube: FakeKube, token: str) -> None:
        self.app, self.kube = app, kube
        self._token = token

    @property
    def url(self) -> str:
        """Where people reach the hub and their servers, with a slash at its end."""
        return str(self.app.bind_url)

    async def api(self, method: str, path: str, json: Any = None) -> Answer:
        """A request to the REST API, by somebody who may do everything: `api("GET", "/users/ann")`."""
        url = f"{self.app.hub.url.rstrip('/')}/api{path}"
        headers = {"Authorization": f"token {self._token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, json=json) as response,
        ):
            is_json = response.content_type == "application/json"
            return Answer(response.status, await response.json() if is_json else await response.text())

    async def add_user(self, name: str, groups: Iterable[str] = ()) -> None:
        """Let the hub know somebody, and their groups."""
        await self.api("POST", f"/users/{quote(name)}")
        for group in groups:
            await self.api("POST", f"/groups/{quote(group, safe='')}")
            await self.api("POST", f"/groups/{quote(group, safe='')}/users", {"users": [name]})

    async def start(self, name: str, options: Mapping[str, Any] | None = None, server: str = "") -> Answer:
        """Start somebody's server, and wait until it is ready or has failed.

        Args:
            name: of the user; unknown ones are added.
            options: `user_options`, as a program sends them.
            server: name of a named server.

        Returns:
            201 where it runs, else the hub's refusal.
        """
        if name not in self.app.users:
            await self.add_user(name)
        answer = await self.api("POST", _server_path(name, server), {"user_options": dict(options or {})})
        if answer.status != 202:
            return answer
        return await self.settled(name, server) or Answer(201, None)

    async def settled(self, name: str, server: str = "") -> Answer | None:
        """Wait until a server that is being started is ready, or has failed; then, with what sentence."""
        spawner = self.spawner(name, server)
        if spawner.pending and spawner._spawn_future is not None:
            await asyncio.wait([spawner._spawn_future])
        failed = spawner._failed
        return Answer(500, {"message": str(getattr(failed, "jupyterhub_message", ""))}) if failed else None

    async def stop(self, name: str, server: str = "") -> Answer:
        """Stop somebody's server, and wait until it is gone; 204."""
        answer = await self.api("DELETE", _server_path(name, server))
        future = self.spawner(name, server)._stop_future if answer.status == 202 else None
        if future is not None:
            await asyncio.wait([future])
        return answer if answer.status != 202 else Answer(204, None)

    def spawner(self, name: str, server: str = "") -> Any:
        """The spawner of a server, as the hub has it."""
        return self.app.users[name].spawners[server]

    def pod(self, name: str, server: str = "") -> Object | None:
        """The pod of a server; None: there is none."""
        spawner = self.spawner(name, server)
        return self.kube.get("pods", spawner.pod_name, spawner.namespace)

    def close_files(self) -> None:
        """Close the database and remove the files of an ended hub."""
        self.app.db.close()
        self.app.db.get_bind().dispose()
        self.app.db_file.close()
        Path(self.app.pid_file).unlink(missing_ok=True)


def _server_path(name: str, server: str) -> str:
    return f"/users/{quote(name)}/" + (f"servers/{quote(server)}" if server else "server")


async def start_hub(
    hub_app: Callable[..., Awaitable[Any]], kube: FakeKube, spawner: type | str, config: Config
) -> KubeHub:
    """Start a hub whose servers are pods.

    Args:
        hub_app: the fixture of pytest-jupyterhub.
        kube: the cluster.
        spawner: a spawner class, or its entry point's name.
        config: laid over what a hub beside the fake needs.
    """
    token = secrets.token_hex(16)
    wanted: dict[str, dict[str, Any]] = {
        "JupyterHub": {
            "spawner_class": spawner,
            "proxy_class": InProcessProxy,
            # MockHub's own address has a blank in it, which aiohttp's cookies do not survive.
            "bind_url": f"http://127.0.0.1:{random_port()}/",
            "hub_connect_ip": "127.0.0.1",
            "allow_named_servers": True,
            "cookie_secret": secrets.token_bytes(32),  # else the hub leaves a file in the current folder
        },
        "KubeSpawner": {"image": "example.org/lab:1", "start_timeout": 30},
    }
    for name, traits in config.items():
        wanted.setdefault(name, {}).update(traits)
    hub = wanted["JupyterHub"]
    hub["services"] = [*hub.get("services", ()), {"name": "test", "api_token": token}]
    hub["load_roles"] = [*hub.get("load_roles", ()), {"name": "test", "services": ["test"], "scopes": _SCOPES}]
    return KubeHub(await hub_app(wanted), kube, token)

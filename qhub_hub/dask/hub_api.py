"""What the gateway asks the hub, with the service's own token."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import aiohttp

from qhub_hub.dask.person import Person, UnreadablePerson, read_person

_WITHIN = aiohttp.ClientTimeout(total=20)  # seconds


class HubUnavailable(Exception):
    """The hub gave no answer that could be used. `str()` is for the log."""


class NoSuchPerson(Exception):
    """The hub does not know this person, or lets them in no more."""


class HubApi:
    """The hub's API as the service `dask-gateway` may use it.

    Args:
        url: of the API (`http://127.0.0.1:8081/hub/api`).
        token: of the service.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def person(self, name: str) -> Person:
        """Somebody as they are now.

        Args:
            name: hub user name.

        Raises:
            NoSuchPerson: nobody of this name may use the hub.
            HubUnavailable: that can't be told now.
        """
        status, answer = await self._ask("GET", f"/qhub/identity/{quote(name, safe='')}")
        if status in (403, 404) and isinstance(answer, dict) and answer.get("known") is False:
            raise NoSuchPerson(name)
        if status != 200:
            raise HubUnavailable(f"the hub answered {status} when it was asked who {name!r} is")
        try:
            return read_person(answer)
        except UnreadablePerson as error:
            raise HubUnavailable(f"the hub's answer about {name!r} can't be read: {error}") from error

    async def report(self, clusters: Sequence[dict[str, Any]]) -> None:
        """Tell which clusters run, for the usage record and for activity.

        Raises:
            HubUnavailable: the hub did not take it.
        """
        status, _ = await self._ask("POST", "/qhub/clusters", {"clusters": list(clusters)})
        if status != 200:
            raise HubUnavailable(f"the hub answered {status} to the report of running clusters")

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, path: str, content: object = None) -> tuple[int, object]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_WITHIN, headers={"Authorization": f"token {self.token}"})
        try:
            async with self._session.request(method, self.url + path, json=content) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise HubUnavailable(f"the hub does not answer ({type(error).__name__})") from error

"""Who asks: a hub token becomes a person as the hub knows them now."""

import time
from typing import Any
from uuid import uuid4

from aiohttp import ClientError, web
from dask_gateway_server.auth import JupyterHubAuthenticator, UserCache
from dask_gateway_server.models import User
from traitlets import default

from qhub_hub.dask.hub_api import HubApi, HubUnavailable, NoSuchPerson

FRESH_FOR = 60
"""Seconds for which the hub's answer about somebody is used again."""


class FreshUsers(UserCache):  # type: ignore[misc]  # the gateway is not typed
    """Signed-in people by cookie. Whoever signs in anew replaces what was known of them.

    The gateway's own (2026.3.0) keeps the first answer, so that a change of groups is not seen for minutes.
    """

    def put(self, user: Any) -> str:
        """Keep somebody; returns the cookie."""
        cookie: str = self.name_to_cookie.setdefault(user.name, uuid4().hex)
        self.cookie_to_user[cookie] = (time.monotonic(), user)
        return cookie


class QHubAuthenticator(JupyterHubAuthenticator):  # type: ignore[misc]
    """Lets in whoever has a hub token with access to this service, and looks up who they are to Linux.

    `user.person` of what it returns is a `Person`. The application (`parent`) has the `hub`.
    """

    @default("cache_max_age")
    def _cache_max_age_default(self) -> int:
        return FRESH_FOR

    @default("cache")
    def _cache_default(self) -> FreshUsers:
        return FreshUsers(max_age=self.cache_max_age)

    @default("use_service_access_scopes")
    def _use_service_access_scopes_default(self) -> bool:
        return True

    def get_token(self, request: Any) -> str | None:
        """The hub token that a request carries; None: there is none that could be one."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind == "jupyterhub" and token.strip() else None

    async def authenticate(self, request: Any) -> User:
        """The person that a request is from.

        Raises:
            HTTPException: 401 without a token that may be used here, 403 for whom the hub lets in no more, 502 while
                the hub can't be asked.
        """
        try:
            user = await super().authenticate(request)
        except (ClientError, TimeoutError, web.HTTPBadGateway) as error:
            self.log.error("The hub can't be asked for a token: %s", type(error).__name__)
            raise _try_again() from error
        except web.HTTPInternalServerError as error:
            # So upstream calls it that the hub does not know a token (2026.3.0), as when it was revoked.
            raise web.HTTPUnauthorized(
                headers={"WWW-Authenticate": "jupyterhub"},
                reason="The hub does not know this token. Stop your server and start it anew.",
            ) from error
        hub: HubApi = self.parent.hub
        try:
            user.person = await hub.person(user.name)
        except NoSuchPerson:
            raise web.HTTPForbidden(reason="The hub lets you in no more, so no cluster can be yours.") from None
        except HubUnavailable as error:
            self.log.error("%s", error)
            raise _try_again() from error
        return user


def _try_again() -> web.HTTPException:
    return web.HTTPBadGateway(reason="The hub can't be asked who you are now. Try again in a minute.")

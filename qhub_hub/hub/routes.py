"""Gives a proxy that was started anew its routes back: people are cut off from their servers until it has them."""

from typing import Any

from aiohttp import ClientError, ClientResponseError
from jupyterhub.proxy import ConfigurableHTTPProxy
from tornado.ioloop import PeriodicCallback

LOOK_EVERY = 3.0  # seconds


def follow_proxy(hub: Any) -> PeriodicCallback:
    """Look from now on whether the proxy knows a route that it must know, and give it all of them where it does not.

    JupyterHub 6.1 looks at all routes, and only as often as it writes activity down (`last_activity_interval`).

    Args:
        hub: the application, once it has started.

    Returns:
        The timer, running; the application stops it when it ends.
    """

    async def look() -> None:
        route = _a_route(hub.users)
        proxy = hub.proxy
        if not route or not isinstance(proxy, ConfigurableHTTPProxy) or proxy.should_start:
            return
        try:
            await proxy.api_request(proxy._routespec_to_chp_path(route))
        except ClientResponseError as error:
            if error.status == 404:
                hub.log.warning("The proxy was started anew: giving it its routes back")
                await proxy.check_routes(hub.users, hub._service_map)
        except (ClientError, OSError, TimeoutError):
            hub.log.warning("The proxy does not answer; it is asked again")

    timer = PeriodicCallback(look, LOOK_EVERY * 1000)
    timer.start()
    return timer


def _a_route(users: Any) -> str:
    """Route of a running server; empty: there is none, and so nothing to miss."""
    for user in list(users.values()):
        for spawner in list(user.spawners.values()):
            if spawner.ready and not spawner.pending:
                return str(spawner.proxy_spec)
    return ""

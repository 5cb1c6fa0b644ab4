"""The table by which the bundled proxy, a pod of its own, sends clients to the schedulers of their clusters."""

import asyncio
import time
from typing import Any

from aiohttp import web
from dask_gateway_server.models import Cluster, ClusterStatus
from dask_gateway_server.proxy.core import Proxy

_REMIND_EVERY = 45.0  # seconds; the proxy gives up a question that was not answered for 60


class Routes(Proxy):  # type: ignore[misc]  # upstream has no types
    """Who asks for a cluster's name in its TLS handshake is connected with that cluster's scheduler, end to end.

    Only that: dashboards are not secret by themselves, so they are reached through the gateway, by their owners.
    """

    async def setup(self, app: Any) -> None:
        """See `Proxy.setup`. Events are counted from now on, not from 1.

        A proxy asks for what came after the last event that it has seen. Upstream's numbers begin anew with every
        process (2026.3.0), so a proxy that outlives one would wait for numbers that come much later, and miss all
        before. An older number than the first here has the proxy read the whole table. It is the time in microseconds:
        hundreds of clusters at once make more than one event in a millisecond.
        """
        await super().setup(app)
        self.events.clear()
        self.offset = time.time_ns() // 1000
        self._next_id = self.offset + 1
        self._led: dict[str, str] = {}
        self.task_pool.spawn(self._remind())

    async def _remind(self) -> None:
        """Say something from time to time: only by that is noticed that a proxy no longer listens."""
        (root,) = (route for route in self.routes.values() if route["kind"] == "PATH")
        while True:
            await asyncio.sleep(_REMIND_EVERY)
            self._append_event("PUT", root)

    async def routes_handler(self, request: web.Request) -> web.StreamResponse:
        """See `Proxy.routes_handler`; a proxy that has gone away meanwhile is no error."""
        try:
            answer: web.StreamResponse = await super().routes_handler(request)
        except ConnectionResetError:
            return web.Response()
        return answer

    async def lead_to(self, name: str, cluster: Cluster | None) -> None:
        """Have clients of a cluster led to its scheduler, as long as it has one.

        Args:
            name: `<namespace>.<name>`, which clients put into their handshake.
            cluster: as it is now; None: it is gone.
        """
        runs = cluster is not None and cluster.status == ClusterStatus.RUNNING
        target = cluster.scheduler_address if cluster and runs else ""
        if target == self._led.get(name, ""):
            return
        if target:
            await self.add_route(kind="SNI", sni=name, target=target)
            self._led[name] = target
        else:
            await self.remove_route(kind="SNI", sni=name)
            del self._led[name]

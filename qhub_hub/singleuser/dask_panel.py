"""Clusters that JupyterLab's Dask panel makes: the gateway's, with what the panel expects of them.

dask-labextension 7.0 takes what `adapt` returns for the limits themselves, and keeps clusters for ever that have ended
by themselves.
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import Any

import aiohttp
import dask_gateway

from qhub_hub.singleuser.kernels import CHOSEN

_ASK_AGAIN = 3.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Between how many workers a cluster scales, as the panel shows it."""

    minimum: int
    maximum: int


class GatewayCluster(dask_gateway.GatewayCluster):  # type: ignore[misc]  # seen without types
    """A cluster of the gateway that is made and shown by the panel, under this class's name.

    It runs the environment that was chosen when the server was started, whose kernel new notebooks get, too.

    Args:
        settings: as of Dask-Gateway's own class.
    """

    def __init__(self, **settings: Any) -> None:
        if chosen := os.environ.get(CHOSEN):
            settings.setdefault("environment", chosen)
        super().__init__(**settings)
        self._tasks: set[asyncio.Task[Any]] = set()

    def adapt(
        self, minimum: int | None = None, maximum: int | None = None, active: bool = True, **settings: Any
    ) -> Adaptive:
        """Have the cluster scale by itself; the gateway is told in a moment.

        Returns:
            What was asked for.
        """
        self._keep(super().adapt(minimum=minimum, maximum=maximum, active=active, **settings))
        return Adaptive(minimum or 0, maximum or 0)

    async def _watch_worker_status(self, comm: Any) -> None:
        await super()._watch_worker_status(comm)  # until the connection to the scheduler ends
        if self.status == "running":
            self._keep(self._reconnect_or_leave())

    async def _reconnect_or_leave(self) -> None:
        while self.status == "running" and not await self._ended():
            await self._init_internals()
            if self._watch_worker_status_task is not None and not self._watch_worker_status_task.done():
                return
            await asyncio.sleep(_ASK_AGAIN)
        if self.status == "running":
            await self._leave()

    async def _ended(self) -> bool:
        """Whether the gateway says that the cluster has ended; while it does not answer, that is not so."""
        try:
            report = await self.gateway.get_cluster(self.name)
        except (ValueError, dask_gateway.GatewayClusterError):
            return True
        except (dask_gateway.GatewayServerError, aiohttp.ClientError, TimeoutError, OSError):
            return False
        return report.status.name not in ("PENDING", "RUNNING")

    async def _leave(self) -> None:
        """Go from the panel's list."""
        from dask_labextension.manager import manager  # type: ignore[import-untyped]

        for model in manager.list_clusters():
            if model["scheduler_address"] == self.scheduler_address:
                await manager.close_cluster(model["id"])

    def _keep(self, work: Any) -> None:
        """Let something run to its end, and say in the log how it failed."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("Cluster %s: %s", self.name, error)

"""What the hub does for the usage record and the metrics besides its servers' starts and ends."""

import asyncio
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from tornado.ioloop import PeriodicCallback

from qhub_hub.hub.metrics import Running, Spawns, running_plans
from qhub_hub.hub.site import Site
from qhub_hub.hub.usage import UsageRecord
from qhub_hub.hub.usage_database import UsageUnavailable

SEEN_EVERY = 60.0  # seconds; as much of a run is lost from the record when the hub is killed
_PRUNE_EVERY = 60  # looks


def keep_record(hub: Any, registry: CollectorRegistry = REGISTRY) -> PeriodicCallback:
    """Close the runs that ended unseen, and from now on note that the others go on; offer the metrics.

    Args:
        hub: the application, once it has started.
        registry: what `/metrics` shows.

    Returns:
        The timer, running; the application stops it when it ends.
    """
    site: Site = hub.tornado_settings["qhub"]
    record: UsageRecord = hub.tornado_settings["qhub_usage"]
    hub.tornado_settings["qhub_spawns"] = Spawns(registry, lambda: site.config)
    registry.register(Running(lambda: running_plans(hub.users), lambda: site.config))
    running = {
        (user.name, spawner.name) for user in hub.users.values() for spawner in user.spawners.values() if spawner.active
    }
    keeper = _Keeper(site, record, hub.log)
    keeper.close_open(running)
    timer = PeriodicCallback(keeper.look, SEEN_EVERY * 1000)
    timer.start()
    return timer


class _Keeper:
    def __init__(self, site: Site, record: UsageRecord, log: Any) -> None:
        self._site = site
        self._record = record
        self._log = log
        self._looks = 0

    def close_open(self, running: set[tuple[str, str]]) -> None:
        try:
            if closed := self._record.close_open(running):
                self._log.warning("Closed %i runs in the usage record that ended while the hub was away.", closed)
        except UsageUnavailable as error:
            self._log.error("%s", error)

    async def look(self) -> None:
        try:
            await asyncio.to_thread(self._record.seen)
            if self._looks % _PRUNE_EVERY == 0:
                await asyncio.to_thread(self._record.prune, self._site.config.limits.usage_kept)
            self._looks += 1
        except UsageUnavailable as error:
            self._log.error("%s", error)

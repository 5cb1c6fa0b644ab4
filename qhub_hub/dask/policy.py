"""Clusters end when they are old, when their owner may have them no more, and when the owner's server has ended."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import aiohttp

from qhub_hub.dask.hub_api import HubUnavailable, NoSuchPerson
from qhub_hub.dask.limits import LimitsMixin
from qhub_hub.dask.person import Person
from qhub_hub.sessions import (
    ClusterRequest,
    ClusterSummary,
    ClusterUsage,
    Rejected,
    make_cluster_plan,
)

SWEEP_EVERY = 15.0  # seconds
_RESTARTS_WITHIN = 30.0  # seconds for which an owner may be without a server, as between stop and start of one
_STANDING = frozenset({"profile", "choice", "no-profile", "identity"})
"""Rejections that are about the person. Limits and outages end nothing that runs."""

_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=3)  # seconds


class PolicyMixin(LimitsMixin):
    """Put before a backend class: looks after its clusters, and reports them to the hub.

    What is asked of the backend is Dask-Gateway's own: `list_clusters`, `stop_cluster`, `session`.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._sweeper: asyncio.Task[None] | None = None
        self._without_server: dict[str, float] = {}

    async def setup(self, app: Any) -> None:
        """Start, and look after clusters from now on."""
        await super().setup(app)  # type: ignore[misc]
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def cleanup(self) -> None:
        """Stop looking, and end."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        await super().cleanup()  # type: ignore[misc]

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            try:
                await self.sweep()
            except Exception:
                self.log.exception("Clusters could not be looked after; it is tried again")

    async def sweep(self) -> None:
        """End what must end, and report what runs."""
        self.values.refresh(self.log)
        running = await self.running()
        self.forget_ended(running)
        people = await self._people_of(running)
        kept = []
        for cluster in running:
            summary = self.summary_of(cluster)
            why = "it has no plan that can be read" if summary is None else self._reason(cluster, summary, people)
            if why:
                self.log.warning("Cluster %s of %r ends: %s", cluster.name, cluster.username, why)
                await self.stop_cluster(cluster.name)  # type: ignore[attr-defined]
            else:
                kept.append(cluster)
        # At the same time: a scheduler that does not answer would hold up the look after everybody's.
        reports = await asyncio.gather(*map(self._report, kept))
        try:
            await self.parent.hub.report(reports)
            self.reported = frozenset(cluster.name for cluster in kept)
        except HubUnavailable as error:
            self.log.error("Running clusters are not in the usage record: %s", error)

    async def _people_of(self, clusters: list[Any]) -> dict[str, Person | None]:
        """Owners by name; None: lets in no more. Missing: that can't be told now."""
        found: dict[str, Person | None] = {}
        for name in {cluster.username for cluster in clusters}:
            try:
                found[name] = person = await self.parent.hub.person(name)
                self.remember(person)
            except NoSuchPerson:
                found[name] = None
            except HubUnavailable as error:
                self.log.error("%s", error)
        return found

    def _reason(self, cluster: Any, summary: ClusterSummary, people: dict[str, Person | None]) -> str:
        """Why a cluster must end, as the end of a sentence; empty: it may go on."""
        started = (cluster.start_time or 0) / 1000
        if summary.max_age and started and time.time() - started >= summary.max_age:
            return f"it has run for {summary.max_age} seconds, the most that a cluster may"
        if cluster.username not in people:
            return ""
        person = people[cluster.username]
        if person is None:
            return "the hub lets its owner in no more"
        return lost_right(self.values.config, person, summary) or self._lost_server(cluster, summary, person)

    def _lost_server(self, cluster: Any, summary: ClusterSummary, person: Person) -> str:
        if person.server_running or not summary.stop_with_server:
            self._without_server.pop(cluster.name, None)
            return ""
        since = self._without_server.setdefault(cluster.name, time.monotonic())
        return "no server of its owner runs" if time.monotonic() - since >= _RESTARTS_WITHIN - SWEEP_EVERY else ""

    async def begin_to_adapt(self, cluster: Any, pauses: Iterable[float] = ()) -> None:
        """Have a cluster scale by itself from the start, as its plan says; to be called before its owner knows it runs,
        whose own `scale` or `adapt` would come first otherwise.

        Args:
            cluster: with `api_address`, `token` and `config`.
            pauses: seconds before each further attempt, where a scheduler that runs may not be reached at once.
        """
        summary = self.summary_of(cluster)
        if summary is None:
            return
        minimum, maximum = summary.adaptive
        message = {"op": "adapt", "minimum": minimum, "maximum": maximum, "active": True}
        headers = {"Authorization": f"token {cluster.token}"}
        url = f"{cluster.api_address}/api/comm"
        session = self.session  # type: ignore[attr-defined]  # of the backend that this is put before
        left = [*pauses]
        while True:
            try:
                async with session.post(url, json=message, headers=headers, timeout=_ANSWERS_WITHIN):
                    return
            except (aiohttp.ClientError, TimeoutError) as error:
                if not left:
                    self.log.warning("Cluster %s does not scale by itself: %s", cluster.name, type(error).__name__)
                    return
            await asyncio.sleep(left.pop(0))

    async def _report(self, cluster: Any) -> dict[str, Any]:
        return {
            "name": cluster.name,
            "user": cluster.username,
            "workers": self.workers.get(cluster.name, 0),
            "works": await self._works(cluster),
            "summary": dict(cluster.config.get("summary")),
        }

    async def _works(self, cluster: Any) -> bool:
        """Whether a cluster computes something now. One that does not answer is taken for idle."""
        if not cluster.dashboard_address:
            return False
        try:
            url = f"{cluster.dashboard_address}/json/counts.json"
            async with self.session.get(url, timeout=_ANSWERS_WITHIN) as answer:  # type: ignore[attr-defined]
                counts = await answer.json(content_type=None)
            return bool(counts.get("processing"))
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
            return False


def lost_right(config: Any, person: Person, summary: ClusterSummary) -> str:
    """Why somebody may no longer have a running cluster, as the end of a sentence; empty: they may.

    Args:
        config: the values in force.
        person: as the hub knows them now.
        summary: what was decided when the cluster was started.
    """
    lost = sorted(set(summary.groups) - person.identity.group_names)
    if lost:
        # Its processes keep the ids that they were started with, and with them the group's files.
        return f"its owner is no longer a member of {lost[0]}"
    try:
        # Environments come and go while they are built: one that is not there now is no lost right.
        asked = ClusterRequest(profile=summary.profile, size=summary.size)
        make_cluster_plan(config, person.identity, asked, (), ClusterUsage())
    except Rejected as rejected:
        return f"what it was started with is refused now. {rejected.message}" if rejected.reason in _STANDING else ""
    return ""

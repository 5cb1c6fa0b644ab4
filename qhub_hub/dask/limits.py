"""Limits over all clusters of a person and of a group: at the start of one, and with every heartbeat of a scheduler."""

import asyncio
from logging import Logger
from typing import Any

from qhub_hub.dask.deciding import DecidingMixin
from qhub_hub.dask.heartbeat import checked_heartbeat
from qhub_hub.dask.hub_api import HubUnavailable, NoSuchPerson
from qhub_hub.dask.person import Person
from qhub_hub.identity import Identity
from qhub_hub.sessions import ClusterSummary, ClusterUsage, limiting_groups, read_cluster_summary, workers_that_fit


class LimitsMixin(DecidingMixin):
    """Put before a backend class that lists clusters and hears heartbeats, as Dask-Gateway's do.

    How many workers a cluster has is what its scheduler asked for and was granted. It is kept in memory: after a
    restart of the gateway every scheduler says it anew within one heartbeat. `reported` are the names of clusters that
    the hub's record holds.
    """

    log: Logger

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.workers: dict[str, int] = {}
        self.reported: frozenset[str] = frozenset()
        self._people: dict[str, Person] = {}
        self._summaries: dict[str, ClusterSummary | None] = {}
        self._starting = asyncio.Lock()

    async def cluster_usage(self, identity: Identity, without: str = "") -> ClusterUsage:
        """What running clusters take of the limits that hold for somebody.

        Args:
            identity: whose limits.
            without: name of a cluster that does not count.
        """
        # Only of those who share a limit: with hundreds of people at once, everybody's would be added up for each.
        groups = limiting_groups(self.values.config, identity)
        found, unreported = [], []
        for cluster in await self.running("" if groups else identity.name):
            summary = self.summary_of(cluster)
            if summary is None or cluster.name == without:
                continue
            if cluster.username == identity.name or not groups.isdisjoint(summary.groups):
                share = summary.share(self.workers.get(cluster.name, 0))
                found.append((cluster.username, summary.groups, share))
                if cluster.name not in self.reported:
                    # Nothing of it is in what the hub says was paid today: it counts for the hour that it was let in
                    # for.
                    cost = summary.share(max(1, self.workers.get(cluster.name, 0))).price_per_hour
                    unreported.append((cluster.username, summary.groups, cost))
        return ClusterUsage.of(found).with_hours_of(unreported)

    def summary_of(self, cluster: Any) -> ClusterSummary | None:
        """What was decided for a running cluster, which never changes; None: it has no plan that could be read."""
        # Remembered: every start and every heartbeat asks this of all that run.
        if cluster.name not in self._summaries:
            config = cluster.config
            found = read_cluster_summary(config.get("summary") if hasattr(config, "get") else None)
            self._summaries[cluster.name] = found
        return self._summaries[cluster.name]

    async def running(self, owner: str = "") -> list[Any]:
        """Clusters that start or run.

        Args:
            owner: whose; empty: everybody's.
        """
        clusters: list[Any] = await self.list_clusters(username=owner or None)  # type: ignore[attr-defined]
        return clusters

    async def start_cluster(self, user: Any, cluster_options: object) -> str:
        """Start a cluster, one at a time: two that are counted before either is there would both fit a limit of one."""
        async with self._starting:
            name: str = await super().start_cluster(user, cluster_options)  # type: ignore[misc]
        self._people[user.name] = user.person
        return name

    async def on_cluster_heartbeat(self, cluster_name: str, msg: Any) -> None:
        """Take what a scheduler says, after its wish for workers was cut to what limits allow.

        The message comes from a process of the user's, so it is checked like any other request.
        """
        heartbeat = checked_heartbeat(msg)
        most = await self._most_workers(cluster_name)
        if heartbeat["count"] > most:
            self.log.info("Cluster %s asks for %i workers; granted are %i", cluster_name, heartbeat["count"], most)
            heartbeat["count"] = most
        self.workers[cluster_name] = heartbeat["count"]
        await super().on_cluster_heartbeat(cluster_name, heartbeat)  # type: ignore[misc]

    async def _most_workers(self, name: str) -> int:
        cluster = await self.get_cluster(name)  # type: ignore[attr-defined]
        summary = self.summary_of(cluster) if cluster is not None else None
        if summary is None:
            return 0
        person = await self._person(cluster.username)
        if person is None:
            return summary.most_workers
        usage = await self.cluster_usage(person.identity, without=name)
        fit = workers_that_fit(self.values.config, person.identity, summary.empty, summary.worker, usage)
        return summary.most_workers if fit is None else min(summary.most_workers, fit)

    async def _person(self, name: str) -> Person | None:
        if name not in self._people:
            try:
                self._people[name] = await self.parent.hub.person(name)
            except (HubUnavailable, NoSuchPerson):
                return None
        return self._people[name]

    def remember(self, person: Person) -> None:
        """Use what the hub said of somebody just now."""
        self._people[person.identity.name] = person

    def forget_ended(self, running: list[Any]) -> None:
        """Forget clusters and people that are no more."""
        names, people = {cluster.name for cluster in running}, {cluster.username for cluster in running}
        self.workers = {name: count for name, count in self.workers.items() if name in names}
        self._people = {name: person for name, person in self._people.items() if name in people}
        self._summaries = {name: summary for name, summary in self._summaries.items() if name in names}

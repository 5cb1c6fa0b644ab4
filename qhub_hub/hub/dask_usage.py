"""Clusters in the usage record: a run for each span in which a cluster had the same number of workers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from traitlets.log import get_logger

from qhub_hub.hub.usage import UsageRecord
from qhub_hub.hub.usage_database import UsageUnavailable
from qhub_hub.sessions import Amount, ClusterSummary, Hardware, IdlePolicy, PlanSummary, Price, read_cluster_summary

SERVER = "dask-"
"""Begins the name under which a cluster is recorded, where servers have theirs."""

_NEVER = IdlePolicy(idle=0, max_age=0, kernel_idle=0, terminal_idle=0, source="")


@dataclass
class ClusterRuns:
    """Follows the gateway's reports.

    Args:
        record: of the hub.
    """

    record: UsageRecord
    _open: dict[tuple[str, str], int] = field(default_factory=dict)

    def __deepcopy__(self, memo: Any) -> "ClusterRuns":
        # traitlets copies configuration values deeply when it hands them to a class.
        return self

    def report(self, clusters: Sequence[dict[str, Any]]) -> None:
        """Write down what began, changed and ended since the last report.

        Args:
            clusters: all that run now, each with `name`, `user`, `workers` and `summary`; what can't be read is left
                out.
        """
        running: set[tuple[str, str]] = set()
        for cluster in clusters:
            name, user, workers = cluster.get("name"), cluster.get("user"), cluster.get("workers")
            summary = read_cluster_summary(cluster.get("summary"))
            if not isinstance(name, str) or not isinstance(user, str) or not isinstance(workers, int) or not summary:
                continue
            key = (user, f"{SERVER}{name}"[:255])
            running.add(key)
            if self._open.get(key) != workers:
                self._write(key, workers, summary)
        for key in self._open.keys() - running:
            self._close(key)

    def _write(self, key: tuple[str, str], workers: int, summary: ClusterSummary) -> None:
        try:
            if key in self._open:
                self.record.ended(*key, "stopped")
            self.record.started(*key, as_plan(summary, workers))
            self._open[key] = workers
        except UsageUnavailable as error:
            get_logger().error("%s", error)  # the next report tries again

    def _close(self, key: tuple[str, str]) -> None:
        try:
            self.record.ended(*key, "stopped")
            del self._open[key]
        except UsageUnavailable as error:
            get_logger().error("%s", error)


def as_plan(summary: ClusterSummary, workers: int) -> PlanSummary:
    """A cluster with so many workers as the record knows servers: what it is guaranteed, and what an hour costs."""
    share = summary.share(workers)
    return PlanSummary(
        profile=summary.profile,
        title=f"Dask cluster of {workers} workers",
        choices={},
        hardware=Hardware(Amount(share.cpu, None), Amount(share.memory, None), share.gpu, ""),
        price=Price(share.price_per_hour, summary.currency) if summary.currency else None,
        idle=_NEVER,
        node_group=summary.node_group,
        groups=summary.groups,
    )

"""Why clusters did not start, for whoever waits for them: "see logs" helps nobody who can't see them."""

from collections import OrderedDict
from typing import Any

from aiohttp import web
from dask_gateway_server.models import Cluster, ClusterStatus

from qhub_hub.dask.deciding import one_line

_MOST = 1000  # clusters
_LONGEST = 600  # characters


class Failures:
    """The reasons of the last clusters that did not start."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[str, str] = OrderedDict()

    def keep(self, cluster: str, last_words: str) -> None:
        """Remember why a cluster did not start.

        Args:
            last_words: the end of its scheduler's output.
        """
        said = one_line(" ".join(last_words.split()))[-_LONGEST:]
        why = f"Its scheduler said last: {said}" if said else "Its scheduler said nothing."
        self._reasons[cluster] = f"The cluster could not be started. {why}"
        while len(self._reasons) > _MOST:
            self._reasons.popitem(last=False)

    def of(self, cluster: str) -> str:
        """The sentence about a cluster; empty: nothing is known."""
        return self._reasons.get(cluster, "")


class _Failed(Cluster):  # type: ignore[misc]  # upstream has no types
    """A cluster that did not start. Whoever may read it gets the reason; whether they may, the gateway asks before."""

    why = ""

    def to_dict(self, full: bool = True) -> dict[str, Any]:
        """Raises the reason as an HTTP error, whose text the client of dask-gateway 2026.3 shows."""
        raise web.HTTPConflict(reason=self.why)


def failed(cluster: Any, why: str) -> Any:
    """The cluster, or one that tells why it failed.

    Args:
        why: a sentence of one line; empty: nothing is known.
    """
    if cluster.status != ClusterStatus.FAILED or not why:
        return cluster
    told = _Failed(cluster.name, cluster.username, cluster.token, cluster.options, cluster.config, cluster.status)
    told.why = why
    return told

"""What is kept of a cluster's plan while it runs: JSON beside the cluster's own record, read back without trust."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qhub_hub.sessions.cluster import ClusterPlan
from qhub_hub.sessions.cluster_limits import Share
from qhub_hub.sessions.prices import Price, describe_price
from qhub_hub.sessions.request import LONGEST

VERSION = 1  # rises when a field changes its meaning
Name = Annotated[str, Field(max_length=255)]
Key = Annotated[str, Field(max_length=LONGEST)]
Amount = Annotated[float, Field(ge=0, le=2**60)]
Whole = Annotated[int, Field(ge=0, le=2**60)]


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Share(_Stored):
    clusters: Whole
    workers: Whole
    cpu: Amount
    memory: Whole
    gpu: Whole
    price_per_hour: Amount


class _Summary(_Stored):
    version: Annotated[int, Field(ge=VERSION, le=VERSION)]
    profile: Key
    size: Key
    environment: Key
    groups: Annotated[list[Name], Field(max_length=10_000)]
    node_group: Key
    empty: _Share
    worker: _Share
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]
    max_age: Whole
    most_workers: Whole
    adaptive: Annotated[list[Whole], Field(min_length=2, max_length=2)]
    stop_with_server: bool


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """What limits count, what ends a cluster, and what is written into the usage record.

    Args:
        profile, size, environment: the choices; empty: none.
        groups: full names of the owner's groups when the cluster was started.
        node_group: of the workers.
        empty, worker: what the cluster takes without workers, and what each of them takes.
        currency: ISO 4217 code; empty: nothing has a price.
        max_age: seconds; 0: none.
        most_workers, adaptive, stop_with_server: as in a ClusterPlan.
    """

    profile: str
    size: str
    environment: str
    groups: tuple[str, ...]
    node_group: str
    empty: Share
    worker: Share
    currency: str
    max_age: int
    most_workers: int
    adaptive: tuple[int, int]
    stop_with_server: bool

    def share(self, workers: int) -> Share:
        """What the cluster takes with so many workers."""
        return self.empty + self.worker.times(workers)

    @property
    def price_text(self) -> str:
        """`0.10 USD per hour and 0.25 USD per hour for each worker`; empty: nothing has a price."""
        if not self.currency:
            return ""
        own, each = (describe_price(Price(share.price_per_hour, self.currency)) for share in (self.empty, self.worker))
        return f"{own} and {each} for each worker"


def cluster_summary(plan: ClusterPlan) -> dict[str, Any]:
    """The part of a plan that must outlive the gateway's process, as plain JSON values."""
    price = plan.worker.price or plan.scheduler.price
    return {
        "version": VERSION,
        "profile": plan.worker.profile,
        "size": plan.worker.choices.get("size", ""),
        "environment": plan.worker.environment,
        "groups": [group.name for group in plan.worker.identity.groups],
        "node_group": plan.worker.node_group,
        "empty": asdict(plan.empty_share),
        "worker": asdict(plan.worker_share),
        "currency": price.currency if price else "",
        "max_age": plan.max_age,
        "most_workers": plan.most_workers,
        "adaptive": list(plan.adaptive),
        "stop_with_server": plan.stop_with_server,
    }


def read_cluster_summary(stored: object) -> ClusterSummary | None:
    """Read a summary back from wherever it was kept; None: it is missing, damaged, or another version's."""
    try:
        found = _Summary.model_validate(_plain(stored))
    except ValidationError:
        return None
    return ClusterSummary(
        profile=found.profile,
        size=found.size,
        environment=found.environment,
        groups=tuple(found.groups),
        node_group=found.node_group,
        empty=Share(**found.empty.model_dump()),
        worker=Share(**found.worker.model_dump()),
        currency=found.currency,
        max_age=found.max_age,
        most_workers=found.most_workers,
        adaptive=(found.adaptive[0], found.adaptive[1]),
        stop_with_server=found.stop_with_server,
    )


def _plain(value: object) -> object:
    # Some backends hand out read-only maps instead of dicts.
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items()}
    return value

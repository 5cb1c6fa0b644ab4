"""What a person may choose for a Dask cluster: behind the widget in a notebook, and `Gateway().cluster_options()`."""

from dataclasses import dataclass

from qhub_hub.config.models import Config
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.cluster import make_cluster_plan
from qhub_hub.sessions.cluster_environments import cluster_environments
from qhub_hub.sessions.cluster_profiles import idle_terms, worker_profiles
from qhub_hub.sessions.cluster_request import ClusterRequest
from qhub_hub.sessions.prices import Price
from qhub_hub.sessions.profiles import title_of
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.sizes import Hardware


@dataclass(frozen=True, slots=True)
class ClusterOffer:
    """A profile that workers may be of.

    Args:
        profile, title: key and name.
        sizes: keys of its sizes; empty: it has one.
        hardware, price: of one worker of the first size; no price: none is stated.
        scheduler_price: of the scheduler.
        idle, max_idle: seconds without work after which a cluster ends, and the most that may be asked for.
    """

    profile: str
    title: str
    sizes: tuple[str, ...]
    hardware: Hardware
    price: Price | None
    scheduler_price: Price | None
    idle: int
    max_idle: int


@dataclass(frozen=True, slots=True)
class ClusterOffers:
    """Everything that this person may choose from.

    Args:
        profiles: the first is the default; empty: none is open, and no cluster can be started.
        environments: `<namespace>/<name>` of those that a cluster can run.
    """

    profiles: tuple[ClusterOffer, ...]
    environments: tuple[str, ...]


def offered_clusters(config: Config, identity: Identity, catalogue: Catalogue = ()) -> ClusterOffers:
    """What the widget shows. What is offered, `make_cluster_plan` accepts, limits aside."""
    found = (_offer(config, identity, key) for key, _ in worker_profiles(config, identity))
    return ClusterOffers(
        profiles=tuple(offer for offer in found if offer is not None),
        environments=cluster_environments(config, identity, catalogue),
    )


def _offer(config: Config, identity: Identity, key: str) -> ClusterOffer | None:
    profile = config.profiles[key]
    try:
        plan = make_cluster_plan(config, identity, ClusterRequest(profile=key))
    except Rejected as rejected:
        if rejected.reason != "limit":
            return None  # no node holds it
        return _offer(config.model_copy(update={"limits": type(config.limits)()}), identity, key)
    idle, max_idle = idle_terms(config, profile)
    worker = plan.worker
    return ClusterOffer(
        profile=key,
        title=title_of(key, profile),
        sizes=tuple(profile.options.sizes),
        hardware=Hardware(worker.cpu, worker.memory, worker.gpu, worker.gpu_type),
        price=worker.price,
        scheduler_price=plan.scheduler.price,
        idle=idle,
        max_idle=max_idle,
    )

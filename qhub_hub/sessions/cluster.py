"""The decision for Dask: which scheduler and workers are started for this person, and how many at most."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from qhub_hub.config.models import Config
from qhub_hub.config.models.profiles import Profile
from qhub_hub.config.quantities import show_seconds
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.cluster_environments import Interpreter, interpreter_of
from qhub_hub.sessions.cluster_limits import (
    NO_CLUSTERS,
    ClusterUsage,
    Share,
    check_cluster_limits,
    smallest,
    workers_that_fit,
)
from qhub_hub.sessions.cluster_profiles import alone, as_scheduler, as_worker, check_size, chosen_profile, idle_terms
from qhub_hub.sessions.cluster_request import ClusterRequest
from qhub_hub.sessions.plan import Plan, make_plan
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import Request

ROLE = "qhub/dask"
"""Label of a cluster's pods: `scheduler` or `worker`."""

_NANNY = 192 * 2**20
"""What the process that watches over a worker takes of its memory."""

_OF_SERVERS = (
    "QHUB_IDLE",
    "QHUB_MAX_AGE",
    "QHUB_WARNING",
    "QHUB_KERNEL_IDLE",
    "QHUB_TERMINAL_IDLE",
    "JUPYTERHUB_ACTIVITY_INTERVAL",
)


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """Everything a backend needs to start one cluster. Deep-frozen, never shared between people.

    Args:
        worker, scheduler: a plan each, as of a server of that profile; label `qhub/dask` says which it is.
        python: interpreter inside a container; empty: the image's own `python`.
        activated: whether the environment's activation scripts are to be run before it.
        threads: of one worker.
        idle: seconds without work after which the cluster ends.
        max_age: seconds after which it ends anyway; 0: never.
        most_workers: what all limits allow this cluster alone.
        most_cores, most_memory: the smallest of these limits; None: there is none. `most_workers` obeys them.
        adaptive: fewest and most workers until somebody says otherwise.
        stop_with_server: whether it ends with the last server of its owner.
    """

    worker: Plan
    scheduler: Plan
    python: str
    activated: bool
    threads: int
    idle: int
    max_age: int
    most_workers: int
    most_cores: float | None
    most_memory: int | None
    adaptive: tuple[int, int]
    stop_with_server: bool

    @property
    def empty_share(self) -> Share:
        """What the cluster takes of its owner's limits before it has workers."""
        return replace(_share(self.scheduler), clusters=1)

    @property
    def worker_share(self) -> Share:
        """What each worker takes."""
        return replace(_share(self.worker), workers=1)

    @property
    def worker_memory(self) -> int:
        """Bytes that a worker may use before it moves data to disk: a little below its limit; 0: no limit."""
        limit = int(self.worker.memory.limit or 0)
        return max(limit - _NANNY, limit * 3 // 4)


def make_cluster_plan(
    config: Config,
    identity: Identity,
    request: ClusterRequest,
    catalogue: Catalogue = (),
    running: ClusterUsage = NO_CLUSTERS,
) -> ClusterPlan:
    """Decide what is started, or refuse. Pure: the same values give the same plan.

    Args:
        catalogue: environments that exist.
        running: what clusters take now.

    Raises:
        Rejected: in all but the planned case.
    """
    key, profile = chosen_profile(config, identity, request.profile)
    check_size(key, profile, request.size)
    interpreter = interpreter_of(config, identity, request.environment, catalogue)
    of_worker = as_worker(profile)
    worker = _plan(config, identity, Request(key, size=request.size), of_worker, catalogue)
    scheduler = _plan(config, identity, Request(key), as_scheduler(config, profile, worker.image), catalogue)
    plan = _assemble(config, identity, request, (worker, scheduler), interpreter)
    check_cluster_limits(config, identity, plan.empty_share + plan.worker_share, running)
    return plan


def _plan(config: Config, identity: Identity, request: Request, profile: Profile, catalogue: Catalogue) -> Plan:
    return make_plan(alone(config, request.profile, profile), identity, request, catalogue)


def _assemble(
    config: Config, identity: Identity, request: ClusterRequest, plans: tuple[Plan, Plan], interpreter: Interpreter
) -> ClusterPlan:
    profile = config.profiles[plans[0].profile]
    worker, scheduler = (
        _marked(plan, role, request, {**profile.env, **dict(interpreter.variables)})
        for plan, role in zip(plans, ("worker", "scheduler"), strict=True)
    )
    cores = worker.cpu.limit or worker.cpu.guarantee or 1
    most = smallest(config, identity, "memory")
    plan = ClusterPlan(
        worker=worker,
        scheduler=scheduler,
        python=interpreter.python,
        activated=interpreter.activated,
        threads=max(1, int(cores)),
        idle=_idle(config, profile, request.idle_minutes),
        max_age=config.dask.max_age if profile.dask.max_age is None else profile.dask.max_age,
        most_workers=config.dask.max_workers,
        most_cores=smallest(config, identity, "cpu"),
        most_memory=None if most is None else int(most),
        adaptive=(0, 0),
        stop_with_server=config.dask.stop_with_server,
    )
    return _bounded(config, identity, plan)


def _bounded(config: Config, identity: Identity, plan: ClusterPlan) -> ClusterPlan:
    fit = workers_that_fit(config, identity, plan.empty_share, plan.worker_share)
    most = plan.most_workers if fit is None else min(plan.most_workers, fit)
    adaptive = config.dask.adaptive
    return replace(plan, most_workers=most, adaptive=(min(adaptive.minimum, most), min(adaptive.maximum, most)))


def _marked(plan: Plan, role: str, request: ClusterRequest, own: Mapping[str, str]) -> Plan:
    """The plan of a server, as one of a cluster's process."""
    kept = {name: value for name, value in plan.env.items() if name not in _OF_SERVERS}
    # A worker has as many threads as cores already; libraries that start their own would only wait for each other.
    environment = {"QHUB_ENVIRONMENT": request.environment} if request.environment else {}
    env = {**kept, "OMP_NUM_THREADS": "1", **own, **request.variables, **environment}
    choices = plan.choices if not request.environment else {**plan.choices, "environment": request.environment}
    return replace(
        plan,
        command=(),
        environment=request.environment,
        choices=MappingProxyType(dict(choices)),
        labels=MappingProxyType({**plan.labels, ROLE: role}),
        env=MappingProxyType(env),
    )


def _idle(config: Config, profile: Profile, minutes: int | None) -> int:
    idle, most = idle_terms(config, profile)
    if minutes is None:
        return idle
    if minutes * 60 > most:
        raise Rejected(
            "choice",
            f"A cluster may wait for work at most {show_seconds(most)}; found idle_minutes={minutes}. "
            f"Choose {max(1, most // 60)} or less.",
        )
    return minutes * 60


def _share(plan: Plan) -> Share:
    return Share(
        cpu=plan.cpu.guarantee or 0.0,
        memory=int(plan.memory.guarantee or 0),
        gpu=plan.gpu,
        price_per_hour=plan.price.per_hour if plan.price else 0.0,
    )

"""Profiles as Dask sees them: which may hold workers, and what worker and scheduler of one are like."""

from types import MappingProxyType

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import Limits
from qhub_hub.config.models.profiles import Options, Profile
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.access import may_use
from qhub_hub.sessions.profiles import in_order, placeable, title_of
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.wording import listed, quoted


def worker_profiles(config: Config, identity: Identity) -> list[tuple[str, Profile]]:
    """Profiles that this person's workers may be of, in the order of the cards."""
    return [(key, profile) for key, profile in in_order(config, identity) if _holds_workers(profile)]


def idle_terms(config: Config, profile: Profile) -> tuple[int, int]:
    """Seconds without work after which a cluster of a profile ends, and the most that may be asked for."""
    most = config.dask.max_idle if profile.dask.max_idle is None else profile.dask.max_idle
    idle = config.dask.idle if profile.dask.idle is None else profile.dask.idle
    return min(idle, most), most


def _holds_workers(profile: Profile) -> bool:
    return profile.dask.workers and not profile.command


def chosen_profile(config: Config, identity: Identity, asked: str) -> tuple[str, Profile]:
    """Key and profile of the workers; empty: the first open one that a node can hold. Raises `Rejected`."""
    if asked:
        profile = config.profiles.get(asked)
        if profile is not None and may_use(profile, identity) and _holds_workers(profile):
            return asked, profile
        offered = [key for key, _ in worker_profiles(config, identity)]
        allowed = f"Choose one of {listed(offered)}." if offered else "None is."
        raise Rejected("profile", f"The profile {quoted(asked)} is not available to you for workers. {allowed}")
    refusal: Rejected | None = None
    for key, profile in worker_profiles(config, identity):
        worker = as_worker(profile)
        try:
            placeable(alone(config, key, worker), worker)
        except Rejected as rejected:
            refusal = refusal or rejected
        else:
            return key, profile
    raise refusal or Rejected(
        "no-profile",
        "No profile that may hold Dask workers is open to you. Ask an administrator to add you to a group.",
    )


def check_size(key: str, profile: Profile, asked: str) -> None:
    """Let a size pass that the profile has, or none. Raises `Rejected`."""
    if asked and asked not in profile.options.sizes:
        offered = tuple(profile.options.sizes)
        allowed = f"Offered are {listed(offered)}." if offered else "It has one only: leave the size out."
        raise Rejected("choice", f"The profile {title_of(key, profile)} has no size {quoted(asked)}. {allowed}")


def alone(config: Config, key: str, profile: Profile) -> Config:
    """The same values as if this were the only profile, and without limits: those of servers don't count here."""
    return config.model_copy(update={"profiles": MappingProxyType({key: profile}), "limits": Limits()})


def as_worker(profile: Profile) -> Profile:
    """The profile as its workers have it: on their own node group, with an environment that is chosen elsewhere."""
    options = profile.options.model_copy(update={"environments": ()})
    return profile.model_copy(update={"node_group": profile.dask.node_group or profile.node_group, "options": options})


def as_scheduler(config: Config, profile: Profile, image: str) -> Profile:
    """The profile of the scheduler beside such workers.

    Args:
        image: that of the workers: scheduler and workers exchange code.
    """
    scheduler = config.dask.scheduler
    return profile.model_copy(
        update={
            "share": None,
            "cpu": scheduler.cpu,
            "memory": scheduler.memory,
            "gpu": 0,
            "price": None,
            "image": image,
            "options": Options(),
            "node_group": scheduler.node_group or profile.node_group,
        }
    )

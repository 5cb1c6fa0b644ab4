"""The decision: what exactly is started for this person with these choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qhub_hub.config.models import Config
from qhub_hub.config.models.profiles import Profile
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.access import may_use, unlocking_group
from qhub_hub.sessions.catalogue import offered_environments, own_namespaces
from qhub_hub.sessions.idle import IdlePolicy, idle_policy
from qhub_hub.sessions.labels import label_value
from qhub_hub.sessions.limits import NOTHING_RUNS, Usage, check_limits
from qhub_hub.sessions.mounts import Mount, mounts_of, shared_root
from qhub_hub.sessions.placement import node_group_of, node_selector, placed, tolerations
from qhub_hub.sessions.prices import Price, price_of
from qhub_hub.sessions.profiles import in_order, placeable, title_of
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import Request
from qhub_hub.sessions.sizes import Amount, Hardware, completed
from qhub_hub.sessions.variables import environment_folders, fixed, hints
from qhub_hub.sessions.wording import listed, quoted

__all__ = ["Amount", "IdlePolicy", "Mount", "Plan", "Price", "make_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an adapter needs to start one server. Deep-frozen, never shared between people.

    Args:
        server: name of a named server; empty: the default one.
        profile: key of the profile.
        title: the profile's title.
        choices: the accepted choices in canonical form (`profile`, and `image`, `size`, `environment` where
            offered).
        image: container image; empty: the chart's default.
        command: what runs instead of QHub's own entry; empty: QHub's.
        environment: `<namespace>/<name>`; empty: none chosen.
        gpu_resource: the name that Kubernetes counts the accelerators by.
        gpu_type: what people call the accelerators; empty: there are none.
        node_selector, tolerations, labels, annotations: Kubernetes placement and marks.
        env: environment variables; no secrets.
        price: cost per hour; None: not stated.
    """

    identity: Identity
    server: str
    profile: str
    title: str
    choices: Mapping[str, str]
    image: str
    command: tuple[str, ...]
    environment: str
    cpu: Amount
    memory: Amount
    gpu: int
    gpu_resource: str
    gpu_type: str
    node_group: str
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    idle: IdlePolicy
    price: Price | None


def make_plan(
    config: Config,
    identity: Identity,
    request: Request,
    catalogue: Catalogue = (),
    usage: Usage = NOTHING_RUNS,
) -> Plan:
    """Decide what is started, or refuse. Pure: the same values give the same plan.

    Args:
        request: what was asked for. What it leaves out is the first open profile, and the first choice of
            each option.
        catalogue: environments that exist.
        usage: what runs now, without this server.

    Raises:
        Rejected: in all but the planned case; nothing unknown, foreign or too large is ever started.
    """
    chosen = _choose(config, identity, request, catalogue)
    check_limits(config, identity, chosen.hardware, usage, chosen.price)
    return _assemble(config, identity, request.server, chosen, mounts_of(config, identity, catalogue))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The request after every part of it was found among what is offered; empty keys: nothing to choose."""

    key: str
    profile: Profile
    image: str
    size: str
    environment: str
    hardware: Hardware
    price: Price | None


def _choose(config: Config, identity: Identity, request: Request, catalogue: Catalogue) -> _Chosen:
    if request.profile:
        key, profile = _asked_profile(config, identity, request.profile)
    else:
        key, profile = _default_profile(config, identity)
    title = title_of(key, profile)
    image = _one_of("image", tuple(profile.options.images), request.image, title)
    environments = offered_environments(config, identity, profile, catalogue)
    environment = _one_of("environment", environments, request.environment, title)
    _one_of("size", tuple(profile.options.sizes), request.size, title)
    if request.size:
        size = completed(profile.options.sizes[request.size], profile)
        hardware = placed(size, profile.node_group, node_group_of(config, profile))
        size_key = request.size
    else:
        size_key, hardware = next(iter(placeable(config, profile).items()))
        size = completed(profile.options.sizes.get(size_key, profile), profile)
    return _Chosen(key, profile, image, size_key, environment, hardware, price_of(config, key, size, hardware))


def _asked_profile(config: Config, identity: Identity, key: str) -> tuple[str, Profile]:
    profile = config.profiles.get(key)
    if profile is not None and may_use(profile, identity):
        return key, profile
    if not any(may_use(other, identity) for other in config.profiles.values()):
        raise _nothing_offered()
    # One answer for both, so that nobody learns which profiles exist.
    raise Rejected("profile", f"The profile {quoted(key)} is not available to you. Choose one of the open cards.")


def _default_profile(config: Config, identity: Identity) -> tuple[str, Profile]:
    """The first card that is open: the one that the spawn page preselects."""
    refusal: Rejected | None = None
    for key, profile in in_order(config, identity):
        try:
            placeable(config, profile)
        except Rejected as rejected:
            refusal = refusal or rejected
        else:
            return key, profile
    raise refusal or _nothing_offered()


def _nothing_offered() -> Rejected:
    return Rejected("no-profile", "No profile is open to you yet. Ask an administrator to add you to a group.")


def _one_of(option: str, offered: tuple[str, ...], asked: str, title: str) -> str:
    if asked and asked not in offered:
        allowed = f"Offered are {listed(offered)}." if offered else "It has none to choose from."
        raise Rejected("choice", f"The profile {title} does not offer the {option} {quoted(asked)}. {allowed}")
    return asked or next(iter(offered), "")


def _assemble(config: Config, identity: Identity, server: str, chosen: _Chosen, mounts: tuple[Mount, ...]) -> Plan:
    key, profile, hardware = chosen.key, chosen.profile, chosen.hardware
    group = node_group_of(config, profile)
    idle = idle_policy(config, identity, key)
    own = fixed(identity, key, idle, shared_root(config, mounts))
    own |= environment_folders(own_namespaces(config, identity), chosen.environment)
    return Plan(
        identity=identity,
        server=server,
        profile=key,
        title=title_of(key, profile),
        choices=_choices(chosen),
        image=profile.options.images[chosen.image].image if chosen.image else profile.image,
        command=profile.command,
        environment=chosen.environment,
        cpu=hardware.cpu,
        memory=hardware.memory,
        gpu=hardware.gpu,
        gpu_resource=group.gpu.resource if group.gpu and hardware.gpu else "",
        gpu_type=hardware.gpu_type,
        node_group=profile.node_group,
        node_selector=node_selector(group),
        tolerations=tolerations(group),
        labels=_labels(identity, key, profile),
        annotations=MappingProxyType({"hub.jupyter.org/username": identity.name}),
        mounts=mounts,
        env=MappingProxyType({**hints(hardware), **profile.env, **own}),
        idle=idle,
        price=chosen.price,
    )


def _choices(chosen: _Chosen) -> Mapping[str, str]:
    stated = {
        "profile": chosen.key,
        "image": chosen.image,
        "size": chosen.size,
        "environment": chosen.environment,
    }
    return MappingProxyType({name: value for name, value in stated.items() if value})


def _labels(identity: Identity, key: str, profile: Profile) -> Mapping[str, str]:
    marks = {
        "qhub/profile": key,
        "qhub/node-group": profile.node_group,
        "qhub/group": unlocking_group(profile, identity),
        "hub.jupyter.org/username": identity.name,
    }
    return MappingProxyType({name: label_value(value) for name, value in marks.items() if value})

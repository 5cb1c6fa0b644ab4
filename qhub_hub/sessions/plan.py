"""The decision: what exactly is started for this person with these choices."""

from collections.abc import Mapping
from dataclasses import dataclass

from qhub_hub.identity.model import Identity


@dataclass(frozen=True, slots=True)
class Amount:
    """A guarantee and a limit of one resource; None: not stated.

    Cores are floats, memory is bytes.
    """

    guarantee: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the share that the server sees.

    Args:
        source: path relative to the share's root (`home/ann`, `shared/data`).
        target: absolute path inside a container.
        read_only: whether the server may only read it.
    """

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """When the server and what runs in it are stopped. Seconds; 0: never.

    Args:
        source: the key of the values file that `idle` comes from.
    """

    idle: int
    max_age: int
    kernel_idle: int
    terminal_idle: int
    source: str


@dataclass(frozen=True, slots=True)
class Price:
    """Cost per hour."""

    per_hour: float
    currency: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an adapter needs to start one server. Deep-frozen, never shared between people.

    Args:
        server: name of a named server; empty: the default one.
        profile: key of the profile.
        title: the profile's title.
        choices: the accepted choices in canonical form (`profile`, and `image`, `size`, `environment` where offered).
        image: container image; empty: the chart's default.
        command: what runs instead of QHub's own entry; empty: QHub's.
        environment: `<namespace>/<name>`; empty: none chosen.
        gpu_resource: the name that Kubernetes counts the accelerators by.
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
    node_group: str
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    idle: IdlePolicy
    price: Price | None

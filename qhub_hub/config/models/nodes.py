"""Node groups: machines of one kind, and the arithmetic of a share of one."""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.quantities import Bytes, Cores

MIB = 2**20


def _parse_share(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        whole, _, parts = value.partition("/")
        if whole == "1" and (not parts or (parts.isdecimal() and 1 <= int(parts) <= 64)):
            return Fraction(1, int(parts or 1))
    raise ValueError('a share of a node must be "1" (all of it) or "1/2" to "1/64"')


Share = Annotated[
    Fraction,
    BeforeValidator(_parse_share),
    WithJsonSchema({"type": "string", "pattern": r"^1(/([1-9]|[1-5][0-9]|6[0-4]))?$", "examples": ["1", "1/2"]}),
]
"""A part of one node: `"1"`, `"1/2"`, … `"1/64"`."""


class Reserved(Model):
    """What the system itself needs on every node of a group, subtracted before a node is shared out."""

    cpu: Annotated[float, Field(ge=0)] = 0.2
    """Cores."""

    memory: Bytes = 512 * MIB
    """Bytes."""


class Gpus(Model):
    """Accelerators of one node."""

    count: Annotated[int, Field(ge=1, le=64, strict=True)] = 1
    """Devices on one node."""

    type: str = "nvidia"
    """What people see on the card."""

    resource: str = "nvidia.com/gpu"
    """The name that Kubernetes counts them by."""


class Taint(Model):
    """A Kubernetes taint that QHub's pods tolerate on this node group."""

    key: str
    """The taint's key."""

    value: str = ""
    """The taint's value."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """What the taint does to pods that do not tolerate it."""


class NodeGroup(Model):
    """Machines of one kind. On a single machine every node group is this machine."""

    purpose: Literal["core", "user", "worker"] = "user"
    """What runs there: the hub itself, people's servers, or Dask workers."""

    cpu: Cores | None = None
    """Cores of one node. Left out on a single machine: those of this machine."""

    memory: Bytes | None = None
    """Memory of one node. Left out on a single machine: that of this machine."""

    gpu: Gpus | None = None
    """Accelerators of one node; left out: none."""

    reserved: Reserved = Reserved()
    """What the system keeps of each node."""

    labels: Map[str] = Field(default_factory=dict, validate_default=True)
    """Node labels that select the group's nodes."""

    taints: tuple[Taint, ...] = ()
    """Taints of the group's nodes; QHub adds the tolerations."""

    price: Annotated[float, Field(ge=0)] | None = None
    """Price of one node per hour, in `prices.currency`. A server pays the larger of its shares of cores and memory."""

    instance: Map[str] = Field(default_factory=dict, validate_default=True)
    """The machine type per cloud (`aws`, `gcp`, `do`): read by Terraform."""

    min: Annotated[int, Field(ge=0, strict=True)] = 0
    """Fewest nodes, read by Terraform."""

    max: Annotated[int, Field(ge=0, strict=True)] = 10
    """Most nodes, read by Terraform."""

    spot: bool = False
    """Whether cheaper nodes that can be taken away are fine, read by Terraform."""

    placeholders: Annotated[int, Field(ge=0, strict=True)] = 0
    """Nodes kept warm for the next people."""

    def allocatable(self) -> tuple[float, int] | None:
        """Cores and bytes of one node that can be given away, or None where the node's size is not stated."""
        if self.cpu is None or self.memory is None:
            return None
        # Rounded: 8.2 - 0.2 is 7.999… in binary, and a quarter of that would be 1.99 cores.
        return round(max(self.cpu - self.reserved.cpu, 0.0), 3), max(self.memory - self.reserved.memory, 0)

    def portion(self, share: Fraction) -> tuple[float, int] | None:
        """Cores (to a hundredth, rounded down) and bytes (to a MiB, rounded down) of a share of one node.

        Rounded down so that the shares of a node never add up to more than the node.
        """
        whole = self.allocatable()
        if whole is None:
            return None
        cpu, memory = whole
        return int(cpu * share * 100) / 100, int(memory * share) // MIB * MIB

"""How large a server is: amounts as stated, or a share of a node turned into amounts."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.models.profiles import CpuAmount, MemoryAmount, Profile, Size
from qhub_hub.config.quantities import show_bytes
from qhub_hub.sessions.rejection import Rejected


@dataclass(frozen=True, slots=True)
class Amount:
    """A guarantee and a limit of one resource; None: not stated.

    Cores are floats, memory is bytes.
    """

    guarantee: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class Hardware:
    """How large a server would be. Cores are floats, memory is bytes."""

    cpu: Amount
    memory: Amount
    gpu: int
    gpu_type: str


UNSTATED = Amount(None, None)


@dataclass(frozen=True, slots=True)
class FullSize:
    """A size as the values file states it, with nothing left out that its profile states."""

    share: Fraction | None
    cpu: CpuAmount
    memory: MemoryAmount
    gpu: int


def completed(size: Size, profile: Profile) -> FullSize:
    """A size with the profile's own amounts where it states none.

    A profile that gives 4 GiB gives them in all its sizes: a size that only speaks of cores must not mean a server
    without a memory limit. A share states cores and memory; `gpu` stands alone.
    """
    if size is profile:
        return FullSize(size.share, size.cpu, size.memory, size.gpu)
    own = states(size)
    return FullSize(
        share=size.share if own & {"cpu", "memory"} else profile.share,
        cpu=size.cpu if "cpu" in own else profile.cpu,
        memory=size.memory if "memory" in own else profile.memory,
        gpu=size.gpu if "gpu" in own else profile.gpu,
    )


def states(size: Size) -> frozenset[str]:
    """Which of `cpu`, `memory` and `gpu` a size itself says something about."""
    if size.share is not None:
        return frozenset({"cpu", "memory"}) | (size.model_fields_set & {"gpu"})
    return frozenset(size.model_fields_set & {"cpu", "memory", "gpu"})


def hardware_of(size: FullSize, name: str, group: NodeGroup) -> Hardware:
    """What a size means on the nodes of a group.

    A share is guaranteed whole and never exceeded: the parts of a node add up to the node.

    Args:
        size: what was chosen.
        name: key of the node group.

    Raises:
        Rejected: reason `placement`; a share of a node whose size is not stated.
    """
    gpu_type = group.gpu.type if size.gpu and group.gpu else ""
    if size.share is None:
        return Hardware(_amount(size.cpu), _amount(size.memory), size.gpu, gpu_type)
    portion = group.portion(size.share)
    if portion is None:
        raise Rejected(
            "placement",
            f"The values file does not say how large a node of {name} is, so a share of one has no size. "
            f"Ask an administrator to state cpu and memory of nodeGroups.{name}.",
        )
    cpu, memory = portion
    return Hardware(Amount(cpu, cpu), Amount(memory, memory), size.gpu, gpu_type)


def _amount(stated: CpuAmount | MemoryAmount) -> Amount:
    # A limit without a guarantee would let any number of servers onto one node, so it is guaranteed too.
    return Amount(stated.limit if stated.guarantee is None else stated.guarantee, stated.limit)


def describe_hardware(hardware: Hardware) -> str:
    """`2 cores, 4 GiB memory, 1 nvidia GPU`; `1–2 cores` where guarantee and limit differ; empty: nothing stated."""
    parts = []
    if cores := _span(hardware.cpu, _plain):
        parts.append(f"{cores} {'core' if cores == '1' else 'cores'}")
    if memory := _span(hardware.memory, _bytes):
        parts.append(f"{memory} memory")
    if hardware.gpu:
        kind = f"{hardware.gpu_type} " if hardware.gpu_type else ""
        parts.append(f"{hardware.gpu} {kind}{'GPU' if hardware.gpu == 1 else 'GPUs'}")
    return ", ".join(parts)


def _span(amount: Amount, show: Callable[[float], str]) -> str:
    if amount.limit is None:
        return "" if amount.guarantee is None else f"at least {show(amount.guarantee)}"
    if amount.guarantee is None or amount.guarantee == amount.limit:
        return show(amount.limit)
    return f"{show(amount.guarantee)}–{show(amount.limit)}"


def _plain(cores: float) -> str:
    return f"{cores:g}"


def _bytes(count: float) -> str:
    return show_bytes(int(count))

"""Where a server runs: its node group's selector and tolerations, and whether one of the nodes holds it."""

from collections.abc import Mapping
from types import MappingProxyType

from qhub_hub.config.models import Config
from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.models.profiles import Profile
from qhub_hub.config.quantities import show_bytes
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.sizes import FullSize, Hardware, hardware_of


def node_group_of(config: Config, profile: Profile) -> NodeGroup:
    """The node group that a profile runs on.

    Raises:
        Rejected: reason `placement`; the values file has no such node group.
    """
    group = config.node_groups.get(profile.node_group)
    if group is None:
        raise Rejected(
            "placement",
            f"This profile runs on the node group {profile.node_group!r}, which does not exist. "
            "Ask an administrator to add it under nodeGroups or to name another one in the profile.",
        )
    return group


def placed(size: FullSize, name: str, group: NodeGroup) -> Hardware:
    """What a size means on a node group that can hold it.

    Args:
        size: what was chosen.
        name: key of the node group.

    Raises:
        Rejected: reason `placement`; the size cannot be computed, or no node of the group is that large.
    """
    hardware = hardware_of(size, name, group)
    devices = group.gpu.count if group.gpu else 0
    if hardware.gpu > devices:
        raise _too_large(name, f"{hardware.gpu} GPUs", str(devices))
    allocatable = group.allocatable()
    if allocatable is not None:
        cores, memory = allocatable
        # The scheduler places by guarantees; a limit above the node only means "what is left of it".
        # Rounded: 8.2 cores less 0.2 are 8, which binary fractions don't know.
        if round((hardware.cpu.guarantee or 0) - cores, 6) > 0:
            raise _too_large(name, f"{hardware.cpu.guarantee:g} cores", f"{cores:g}")
        if (hardware.memory.guarantee or 0) > memory:
            raise _too_large(name, show_bytes(int(hardware.memory.guarantee or 0)), show_bytes(memory))
    return hardware


def _too_large(name: str, asked: str, has: str) -> Rejected:
    return Rejected(
        "placement",
        f"This server needs {asked}, but a node of {name} can give away at most {has}. "
        "Choose a smaller size, or ask an administrator for larger nodes.",
    )


def node_selector(group: NodeGroup) -> Mapping[str, str]:
    """Labels that a node must have to be chosen."""
    return MappingProxyType(dict(group.labels))


def tolerations(group: NodeGroup) -> tuple[Mapping[str, str], ...]:
    """Kubernetes tolerations for the taints that keep other pods off these nodes."""
    return tuple(
        MappingProxyType({"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect})
        for taint in group.taints
    )

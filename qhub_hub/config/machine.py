"""One machine in the place of a cluster: every node group without a stated size is this machine."""

from types import MappingProxyType

from qhub_hub.config.models import Config
from qhub_hub.config.models.nodes import NodeGroup


def on_machine(config: Config, cpu: float, memory: int) -> Config:
    """The same configuration where node groups have this machine's size, unless they state their own.

    Args:
        cpu: cores of the machine.
        memory: bytes of the machine.
    """
    groups = {name: _sized(group, cpu, memory) for name, group in config.node_groups.items()}
    return config.model_copy(update={"node_groups": MappingProxyType(groups)})


def _sized(group: NodeGroup, cpu: float, memory: int) -> NodeGroup:
    return group.model_copy(
        update={
            "cpu": cpu if group.cpu is None else group.cpu,
            "memory": memory if group.memory is None else group.memory,
        }
    )

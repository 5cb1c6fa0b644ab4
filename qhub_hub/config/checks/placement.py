"""Sizes: a guarantee below its limit, a node group that exists, a server that fits one of its nodes."""

from collections.abc import Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.models.profiles import Size
from qhub_hub.config.problems import Path
from qhub_hub.config.quantities import show_bytes
from qhub_hub.config.suggestions import did_you_mean
from qhub_hub.config.validation import Finding


def _sizes(config: Config) -> Iterator[tuple[Path, str, Size]]:
    """Every size in the file: its path, its node group, itself."""
    for name, profile in config.profiles.items():
        # Sizes to choose from replace the profile's own, which then need not be stated.
        if not profile.options.sizes:
            yield ("profiles", name), profile.node_group, profile
        for key, size in profile.options.sizes.items():
            yield ("profiles", name, "options", "sizes", key), profile.node_group, size


def check_placement(config: Config) -> Iterator[Finding]:
    """Profiles on node groups that are not there."""
    for name, profile in config.profiles.items():
        if profile.node_group not in config.node_groups:
            hint = did_you_mean(profile.node_group, config.node_groups, "node groups")
            message = f'there is no node group "{profile.node_group}" below qhub.nodeGroups; {hint}'
            yield Finding(("profiles", name, "nodeGroup"), message)


def misfits(config: Config) -> Iterator[Finding]:
    """Servers that no node of their node group can hold.

    Compared is what is guaranteed (the limit, where no guarantee is stated): a limit above the node is fine to
    Kubernetes, and lets one profile serve nodes of several sizes.
    """
    for path, name, size in _sizes(config):
        group = config.node_groups.get(name)
        if group is None:
            continue
        devices = group.gpu.count if group.gpu else 0
        if size.gpu > devices:
            yield Finding((*path, "gpu"), f"{size.gpu} accelerators; a node of {name} has {devices or 'none'}")
        yield from _too_large(path, name, size, group)


def _too_large(path: Path, name: str, size: Size, group: NodeGroup) -> Iterator[Finding]:
    whole = group.allocatable()
    if whole is None or size.share is not None:
        return
    cpu, memory = whole
    key, cores = _needed(size.cpu.guarantee, size.cpu.limit)
    if cores is not None and cores > cpu:
        yield Finding((*path, "cpu", key), f"{cores:g} cores; a node of {name} can give {cpu:g}")
    key, count = _needed(size.memory.guarantee, size.memory.limit)
    if count is not None and count > memory:
        yield Finding(
            (*path, "memory", key), f"{show_bytes(int(count))}; a node of {name} can give {show_bytes(memory)}"
        )


def _needed(guarantee: float | None, limit: float | None) -> tuple[str, float | None]:
    return ("limit", limit) if guarantee is None else ("guarantee", guarantee)

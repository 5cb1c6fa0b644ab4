"""Dask: node groups that schedulers and workers run on."""

from collections.abc import Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.problems import Path
from qhub_hub.config.suggestions import did_you_mean
from qhub_hub.config.validation import Finding


def check_dask(config: Config) -> Iterator[Finding]:
    """Node groups of schedulers and workers that are not there."""
    named: list[tuple[Path, str]] = [(("dask", "scheduler", "nodeGroup"), config.dask.scheduler.node_group)]
    named += [(("profiles", name, "dask", "nodeGroup"), p.dask.node_group) for name, p in config.profiles.items()]
    for path, group in named:
        if group and group not in config.node_groups:
            hint = did_you_mean(group, config.node_groups, "node groups")
            yield Finding(path, f'there is no node group "{group}" below qhub.nodeGroups; {hint}')

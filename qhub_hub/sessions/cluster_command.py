"""What starts the processes of a cluster, in a container and on one machine."""

from typing import Literal

from qhub_hub.sessions.cluster import ClusterPlan
from qhub_hub.sessions.variables import UMASK

Role = Literal["scheduler", "worker"]


def cluster_command(plan: ClusterPlan, role: Role, python: str = "") -> list[str]:
    """What starts the scheduler, or a worker; the gateway appends its arguments.

    Modules, and not the scripts `dask-scheduler` and `dask-worker`: distributed 2026.6 has those no more
    (facts/dask-gateway.md §0).

    Args:
        python: interpreter instead of the plan's; empty: the plan's.
    """
    # A shell, because a pod has no setting for the umask, and group members must be able to change what workers write.
    steps = [f"umask {UMASK:04o}"]
    if plan.activated:
        steps.append('for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$script"; done')
    program = [python or plan.python or "python", "-m", f"distributed.cli.dask_{role}"]
    return ["/bin/sh", "-c", "; ".join([*steps, 'exec "$@"']), "sh", *program]

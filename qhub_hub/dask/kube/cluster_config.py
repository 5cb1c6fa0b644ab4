"""A cluster's plan as the record that Dask-Gateway keeps of it, from which the controller makes its pods."""

from typing import Any, Protocol

from dask_gateway_server.backends.kubernetes.backend import KubeClusterConfig
from traitlets import Dict

from qhub_hub.config.models.storage import Storage
from qhub_hub.dask.kube.pods import NANNY_PORT, WORKER_PORT, common_annotations, to_record
from qhub_hub.sessions.cluster import ClusterPlan
from qhub_hub.sessions.cluster_command import cluster_command
from qhub_hub.sessions.cluster_summary import cluster_summary
from qhub_hub.sessions.pod import to_pod


class PlannedClusterConfig(KubeClusterConfig):  # type: ignore[misc]  # upstream has no types
    """Upstream's settings of a cluster, and the parts of its pods. Everybody who may list clusters can read them."""

    scheduler_parts = Dict(help="what the scheduler's pod has in common with its owner's server")
    worker_parts = Dict(help="the same of a worker's pod")
    names = Dict(help="annotations of all pods of the cluster: the passwd and group files")
    summary = Dict(help="see sessions.cluster_summary: what limits count, and when the cluster ends")


class Named(Protocol):
    """What is needed of a person besides their plan: the text of the two files that names are looked up in."""

    @property
    def passwd(self) -> str:
        """Of `/etc/passwd`."""

    @property
    def group(self) -> str:
        """Of `/etc/group`."""


def cluster_config(plan: ClusterPlan, person: Named, storage: Storage) -> dict[str, Any]:
    """Translate a plan; nothing is decided here.

    Args:
        person: whose cluster it is.
        storage: which claim holds homes, shared folders and environments.

    Raises:
        Rejected: reason `identity`; the two files are larger than a pod can carry.
    """
    scheduler, worker = (
        to_pod(part, storage=storage, passwd=person.passwd, group=person.group)
        for part in (plan.scheduler, plan.worker)
    )
    return {
        "scheduler_cmd": cluster_command(plan, "scheduler"),
        "worker_cmd": [*cluster_command(plan, "worker"), *_fixed_ports()],
        "idle_timeout": plan.idle,
        "worker_threads": plan.threads,
        "cluster_max_workers": plan.most_workers,
        # What upstream adds up; pods get their resources by the parts.
        "worker_cores": plan.worker.cpu.guarantee or 0,
        "worker_memory": int(plan.worker.memory.guarantee or 0),
        "worker_memory_limit": plan.worker_memory,
        "scheduler_cores": plan.scheduler.cpu.guarantee or 0,
        "scheduler_memory": int(plan.scheduler.memory.guarantee or 0),
        "scheduler_parts": to_record(scheduler),
        "worker_parts": to_record(worker),
        "names": common_annotations(worker),
        "summary": cluster_summary(plan),
    }


def _fixed_ports() -> list[str]:
    return ["--worker-port", str(WORKER_PORT), "--nanny-port", str(NANNY_PORT)]

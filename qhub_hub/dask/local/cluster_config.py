"""A cluster's plan as the record that Dask-Gateway keeps of it, from which its processes on this machine are made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dask_gateway_server.backends.local import LocalClusterConfig
from traitlets import Dict, Float

from qhub_hub.dask.person import Person
from qhub_hub.sessions import ClusterPlan, Plan, Process, cluster_command, cluster_summary, to_process
from qhub_hub.sessions.mounts import ENVIRONMENTS

_PATHS = ("PATH", "CONDA_PREFIX")  # variables that name an environment's build as a container sees it


class PlannedClusterConfig(LocalClusterConfig):  # type: ignore[misc]  # upstream has no types
    """Upstream's settings of a cluster, and what its processes are started with."""

    scheduler = Dict(help="see `Process`, as plain values")
    worker = Dict(help="the same of every worker")
    summary = Dict(help="see `cluster_summary`: what limits count, and when the cluster ends")
    # Upstream's are whole numbers; QHub's own limits count.
    worker_cores = Float(1, min=0)
    scheduler_cores = Float(1, min=0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where clusters run.

    Args:
        root: of homes, shared folders and environments.
        names: folder of people's passwd and group files; None: the machine's own names are the true ones.
        python: interpreter that has QHub, Dask and the gateway's client; used where no environment was chosen.
        library: libnss_wrapper; None: it is not installed, and names are shown as numbers.
    """

    root: Path
    names: Path | None
    python: str
    library: Path | None = None


def cluster_config(plan: ClusterPlan, person: Person, place: Place) -> dict[str, Any]:
    """Translate a plan; nothing is decided here.

    Args:
        person: whose cluster it is.
        place: where it runs.
    """
    python = _here(plan.python, place) if plan.python else place.python
    return {
        "scheduler_cmd": cluster_command(plan, "scheduler", python),
        "worker_cmd": cluster_command(plan, "worker", python),
        "idle_timeout": plan.idle,
        "worker_threads": plan.threads,
        "worker_cores": plan.worker.cpu.guarantee or 0,
        "worker_memory": plan.worker_memory,
        "cluster_max_workers": plan.most_workers,
        "scheduler": _record(plan.scheduler, place),
        "worker": _record(plan.worker, place),
        "summary": cluster_summary(plan),
    }


def process_of(record: dict[str, Any], argv: list[str]) -> Process:
    """The process that a record describes.

    Args:
        record: of `scheduler` or `worker`, as it was kept.
        argv: its command with all arguments.
    """
    fields = {**record, "gids": tuple(record["gids"]), "cwd": Path(record["cwd"])}
    return Process(argv=tuple(argv), **fields)


def _record(plan: Plan, place: Place) -> dict[str, Any]:
    process = to_process(plan, root=place.root, python=place.python)
    env = {name: _here(value, place) if name in _PATHS else value for name, value in process.env.items()}
    return {
        "env": {**env, **_names(plan, place)},
        "uid": process.uid,
        "gid": process.gid,
        "gids": list(process.gids),
        "umask": process.umask,
        "cwd": str(process.cwd),
        "memory_limit": process.memory_limit,
        "cpu_limit": process.cpu_limit,
    }


def _here(text: str, place: Place) -> str:
    return text.replace(f"{ENVIRONMENTS}/", f"{place.root}/environments/")


def _names(plan: Plan, place: Place) -> dict[str, str]:
    if place.names is None or place.library is None:
        return {}
    folder = place.names / plan.identity.directory
    return {
        "LD_PRELOAD": str(place.library),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }

"""Clusters as processes of one machine, each as its owner, held to its plan."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from dask_gateway_server.backends import db_base
from dask_gateway_server.backends.local import LocalBackend
from sqlalchemy import Engine, event

from qhub_hub.dask.failures import Failures, failed
from qhub_hub.dask.local.cluster_config import Place, PlannedClusterConfig, cluster_config, process_of
from qhub_hub.dask.person import Person
from qhub_hub.dask.policy import PolicyMixin
from qhub_hub.dask.tls import use_elliptic_keys
from qhub_hub.sessions import ClusterPlan, Process

_KEPT = ("LANG", "LC_ALL", "TZ")  # of the gateway's own environment


class Launcher(Protocol):
    """Starts processes as their owners and ends them with all that they started."""

    def start(self, process: Process, env: dict[str, str], name: str) -> tuple[int, int]:
        """Start one.

        Args:
            env: all of its environment.
            name: of the process and its log, unique among running ones.

        Returns:
            Its number, and when it began (see `runs`).

        Raises:
            OSError: the system refuses ids, folder, limits or log.
        """

    def runs(self, pid: int, ticks: int) -> bool:
        """Whether that very process is still there."""

    async def stop(self, pid: int, ticks: int, name: str) -> None:
        """End it, and whatever it started."""

    def last_words(self, name: str) -> str:
        """The end of its output, nothing in it that a terminal would obey."""


class QHubLocalBackend(PolicyMixin, LocalBackend):  # type: ignore[misc]  # upstream has no types
    """Starts planned schedulers and workers with the planned ids, limits and folders.

    The application (`parent`) has the `place` and the `launcher`. Written for dask-gateway-server 2026.3.0, whose own
    backend gives `/` away to the first user when it sets a cluster's folder up: nothing of its file handling is used.
    """

    cluster_config_class = PlannedClusterConfig
    default_host = "127.0.0.1"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        use_elliptic_keys(db_base)
        self.failures = Failures()

    @property
    def _launcher(self) -> Launcher:
        launcher: Launcher = self.parent.launcher
        return launcher

    async def do_setup(self) -> None:
        """Make the database fast: every step of a cluster is a commit on the loop that answers everybody."""
        await super().do_setup()
        _commit_without_waiting(self.db.db)

    def settings_for(self, plan: ClusterPlan, person: Person) -> dict[str, Any]:
        """See `DecidingMixin.settings_for`."""
        place: Place = self.parent.place
        return cluster_config(plan, person, place)

    async def get_cluster(self, cluster_name: str, wait: bool = False) -> Any:
        """A cluster; whoever waits for one that could not be started is told why."""
        model = await super().get_cluster(cluster_name, wait)
        return failed(model, self.failures.of(cluster_name)) if model is not None and wait else model

    def setup_working_directory(self, cluster: Any) -> str:
        """Make a cluster's folder with its certificate and key. Nothing else becomes its owner's.

        Raises:
            OSError: the disk is full, for example.
        """
        folder = Path(self.clusters_directory, cluster.name)
        folder.mkdir(mode=0o700)
        record = cluster.config.worker
        made = [folder / "dask.crt", folder / "dask.pem", folder / "scratch"]
        for path, data in zip(made, (cluster.tls_cert, cluster.tls_key), strict=False):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        made[-1].mkdir(mode=0o700)
        if os.geteuid() == 0:
            # The folder last: until then nobody but us can put anything in the place of what is in it.
            for path in (*made, folder):
                os.chown(path, record["uid"], record["gid"], follow_symlinks=False)
        return str(folder)

    def cleanup_working_directory(self, workdir: str) -> None:
        """Remove a cluster's folder."""
        shutil.rmtree(workdir, ignore_errors=True)

    def get_tls_paths(self, cluster: Any) -> tuple[str, str]:
        """Certificate and key of a cluster."""
        folder = Path(cluster.state["workdir"])
        return str(folder / "dask.crt"), str(folder / "dask.pem")

    def get_env(self, cluster: Any) -> dict[str, str]:
        """What the gateway adds to the environment of scheduler and workers."""
        env: dict[str, str] = super(LocalBackend, self).get_env(cluster)
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, **env, "DASK_TEMPORARY_DIRECTORY": f"{cluster.state['workdir']}/scratch"}

    async def do_start_cluster(self, cluster: Any) -> AsyncIterator[dict[str, Any]]:
        """Make the folder and start the scheduler."""
        workdir = self.setup_working_directory(cluster)
        yield {"workdir": workdir}
        process = process_of(cluster.config.scheduler, self.get_scheduler_command(cluster))
        started = await self._start(process, self.get_scheduler_env(cluster), f"{cluster.name}-scheduler")
        yield {"workdir": workdir, **started}

    async def do_stop_cluster(self, cluster: Any) -> None:
        """End the scheduler, remove the folder, and keep the reason if it never ran."""
        name = f"{cluster.name}-scheduler"
        if cluster.target == db_base.JobStatus.FAILED and not cluster.scheduler_address:
            self.failures.keep(cluster.name, self._launcher.last_words(name))
        await self._stop(cluster.state, name)
        if workdir := cluster.state.get("workdir"):
            await asyncio.to_thread(self.cleanup_working_directory, workdir)

    async def do_start_worker(self, worker: Any) -> AsyncIterator[dict[str, Any]]:
        """Start a worker."""
        cluster = worker.cluster
        process = process_of(cluster.config.worker, self.get_worker_command(cluster, worker.name))
        yield await self._start(process, self.get_worker_env(cluster), f"{cluster.name}-{worker.name}")

    async def do_stop_worker(self, worker: Any) -> None:
        """End a worker."""
        await self._stop(worker.state, f"{worker.cluster.name}-{worker.name}")

    def _check_status(self, o: Any) -> bool:
        pid, ticks = o.state.get("pid"), o.state.get("ticks")
        return pid is not None and self._launcher.runs(pid, ticks)

    async def _start(self, process: Process, env: dict[str, str], name: str) -> dict[str, Any]:
        # The gateway's variables over the plan's: a cluster can't choose whom it reports to.
        pid, ticks = await asyncio.to_thread(self._launcher.start, process, {**process.env, **env}, name)
        return {"pid": pid, "ticks": ticks}

    async def _stop(self, state: dict[str, Any], name: str) -> None:
        if state.get("pid") is not None:
            await self._launcher.stop(state["pid"], state["ticks"], name)

    async def _cluster_to_running(self, cluster: Any) -> None:
        await self.begin_to_adapt(cluster)
        await super()._cluster_to_running(cluster)

    async def _check_cluster_proxied(self, cluster: Any) -> None:
        """Let clients reach the scheduler. Its dashboard gets no route: `dashboard` asks first whose it is."""
        if not cluster.added_to_proxies:
            await self.proxy.add_route(kind="SNI", sni=cluster.name, target=cluster.scheduler_address)
            cluster.added_to_proxies = True


def _commit_without_waiting(engine: Engine) -> None:
    """Let commits not wait for the disk. What a power cut takes are the last steps of clusters that it ended, too."""

    def set_up(connection: Any, record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(engine, "connect", set_up)
    engine.dispose()

"""Servers as processes of one machine, each as its own Linux user."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from resource import RLIMIT_NPROC
from subprocess import Popen
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.utils import maybe_future, random_port
from traitlets import default

from qhub_hub.hub.held import Surroundings, give_up, hold, last_words, let_go
from qhub_hub.hub.listeners import listening_users
from qhub_hub.hub.machine import Machine
from qhub_hub.hub.planned import PlannedMixin, spawn_error
from qhub_hub.hub.processes import MARK, boot_id, end_left_behind, start_ticks, wait_until_gone
from qhub_hub.hub.resource_limits import MOST_PROCESSES, describe
from qhub_hub.sessions import Plan, Process, to_process

_TRY_EVERY = 0.025  # seconds between two looks whether a server listens yet
_KEPT = ("LANG", "LC_ALL", "TZ")  # of the hub's own environment


class QHubLocalSpawner(PlannedMixin, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Starts the planned server as a process with the planned ids, limits and folders.

    As root every server runs as its own uid, gid and groups; otherwise all run as the user who runs the hub.
    """

    port: int
    ip: str
    pid: int
    proc: "Popen[bytes] | None"
    _ticks: int | None = None

    # What LocalProcessSpawner keeps of the hub's environment is for its own singleuser command, and would win over
    # what a profile says; ours comes with the plan.
    @default("env_keep")
    def _env_keep_default(self) -> list[str]:
        return []

    @default("poll_interval")
    def _poll_interval_default(self) -> int:
        return 5  # seconds; here a look costs nothing, and a server that ran out of memory is soon noticed

    @default("term_timeout")
    def _term_timeout_default(self) -> int:
        return 10

    @property
    def machine(self) -> Machine:
        """Where this server runs."""
        machine = self.site.machine
        if machine is None:
            raise RuntimeError("QHubLocalSpawner needs a site with a machine; a cluster's spawner is `qhub`.")
        return machine

    def traits_for(self, plan: Plan) -> dict[str, Any]:
        """See `PlannedMixin.traits_for`."""
        return {
            "mem_limit": int(plan.memory.limit) if plan.memory.limit else None,
            "mem_guarantee": int(plan.memory.guarantee) if plan.memory.guarantee else None,
            "cpu_limit": plan.cpu.limit,
            "cpu_guarantee": plan.cpu.guarantee,
        }

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """The hub's variables as they are: the plan carries the person's."""
        return env

    async def start(self) -> tuple[str, int]:
        """Start the server, and return once it listens.

        Raises:
            SpawnException: it ended before that, or could not be started as planned.
        """
        if self.plan is None:
            raise spawn_error("A server can only be started with a plan.", "no-plan", 500)
        process = to_process(self.plan, root=self.machine.files, python=sys.executable)
        self.port = self.port or random_port()
        self.ip = self.ip or "127.0.0.1"
        log = self._log_path()
        self.log.info("Starting %s for %s (output in %s)", " ".join(process.argv), self._log_name, log)
        self.proc = self._begin(process, log)
        await self._until_it_listens(self.proc, process, log)
        return self.ip, self.port

    def _begin(self, process: Process, log: Path) -> "Popen[bytes]":
        machine = self.machine
        limits = dict(machine.limiter.inside(process.memory_limit))
        if machine.own_ids:  # counted by user id, so not for servers that share it with whoever runs the hub
            limits[RLIMIT_NPROC] = MOST_PROCESSES
        around = Surroundings(tuple(self.get_args()), self._environment(process), log, limits, machine.own_ids)
        try:
            held = hold(process, around)
        except OSError as error:
            self.log.error("%s could not be started: %s", self._log_name, error)
            raise spawn_error(
                "Your server can't be started on this machine. An administrator finds the reason in the log.",
                "start",
                500,
            ) from error
        try:
            self._limit(held.pid, process)
        except BaseException:
            give_up(held)
            raise
        self.pid, self._ticks = held.pid, start_ticks(held.pid)
        let_go(held)
        return held

    def _environment(self, process: Process) -> dict[str, str]:
        """The hub's language and time zone, over them the plan's variables, over them what the hub and we state."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, **process.env, **self.get_env(), **self._names(process), MARK: self.mark}

    def _names(self, process: Process) -> dict[str, str]:
        if not self.machine.own_ids or self.plan is None:
            return {}
        folder = self.machine.names / self.plan.identity.directory
        return {"NSS_WRAPPER_PASSWD": str(folder / "passwd"), "NSS_WRAPPER_GROUP": str(folder / "group")}

    def _limit(self, pid: int, process: Process) -> None:
        limiter = self.machine.limiter
        try:
            limiter.apply(self.group, pid, process.memory_limit, process.cpu_limit)
        except OSError as error:
            self.log.error("The limits of %s could not be set: %s", self._log_name, error)
            raise spawn_error(
                "The limits of your server can't be set on this machine. An administrator finds the reason in the log.",
                "limits",
                500,
            ) from error
        self.log.info("Limits of %s: %s", self._log_name, describe(limiter, process.memory_limit, process.cpu_limit))

    async def _until_it_listens(self, server: "Popen[bytes]", process: Process, log: Path) -> None:
        # The hub itself would look with random pauses that grow (facts/charts.md §8); when start() returns only once
        # the port answers, its first look succeeds.
        while server.poll() is None:
            try:
                _, writer = await asyncio.open_connection(self.ip, self.port)
            except OSError:
                await asyncio.sleep(_TRY_EVERY)
                continue
            writer.close()
            self._check_listener(process)
            return
        self.log.error(
            "%s ended with exit code %s; its last words:\n%s", self._log_name, server.returncode, last_words(log)
        )
        raise spawn_error(
            f"Your server ended while it was starting (exit code {server.returncode}). "
            "An administrator finds its output in the log.",
            "ended",
            500,
        )

    def _check_listener(self, process: Process) -> None:
        """Between choosing the port and listening there is time: nobody else's program may have taken it meanwhile,
        or the proxy would hand it this person's cookies.
        """
        if self.machine.own_ids and (found := listening_users(self.port)) != {process.uid}:
            self.log.error(
                "On port %i of %s user ids %s listen instead of %i; it is not used.",
                self.port,
                self._log_name,
                sorted(found),
                process.uid,
            )
            raise spawn_error("Another program took the port of your server. Start it again.", "port", 503)

    async def poll(self) -> int | None:
        """None while the server runs, else its exit code (0 when unknown)."""
        if self.proc is None and self.pid and start_ticks(self.pid) != self._ticks:
            # Taken up from state, and the number is somebody else's by now.
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        return status

    async def stop(self, now: bool = False) -> None:
        """Ask the server to end, and insist after a while."""
        for sign, patience in ((signal.SIGTERM, self.term_timeout), (signal.SIGKILL, self.kill_timeout)):
            if (now and sign is signal.SIGTERM) or await self.poll() is not None:
                continue
            await self._signal(sign)
            if await wait_until_gone(self.pid, patience):
                await self.poll()  # reaps it
                return
        if await self.poll() is None:
            self.log.error("Process %i of %s does not end, not even when it is killed", self.pid, self._log_name)

    async def run_post_stop_hook(self) -> None:
        """End what the server left behind, then run the site's own hook.

        Here and not in `stop`, which the hub does not call for a server that ended by itself.
        """
        if ended := await asyncio.to_thread(end_left_behind, {self.mark}, self._members):
            self.log.info("Ended %i processes that %s had left running", ended, self._log_name)
        self.machine.limiter.release(self.group)
        await maybe_future(super().run_post_stop_hook())

    def _members(self) -> frozenset[int]:
        return self.machine.limiter.members(self.group)

    def get_state(self) -> dict[str, Any]:
        """State by which the process is recognised after the hub was restarted."""
        state: dict[str, Any] = super().get_state()
        if self.pid:
            state |= {"ticks": self._ticks, "boot": boot_id(), "port": self.port}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a server that outlived the hub, unless its process number belongs to somebody else now."""
        super().load_state(state)
        pid, ticks = state.get("pid"), state.get("ticks")
        if pid and (ticks is None or state.get("boot") != boot_id() or start_ticks(pid) != ticks):
            self.pid = 0
        self._ticks = ticks
        self.port = state.get("port") or self.port

    def clear_state(self) -> None:
        """Forget the process that has ended."""
        super().clear_state()
        self._ticks = None

    @property
    def mark(self) -> str:
        """What every process of this server carries in its environment."""
        # The port makes it another one for every start; it is in the state, so it is known after a restart too.
        return f"{self.machine.mark}/{self.user.id}/{self.name}/{self.port}"

    @property
    def group(self) -> str:
        """Name of this server's control group."""
        return f"server-{self.user.id}-{self.name}" if self.name else f"server-{self.user.id}"

    def _log_path(self) -> Path:
        directory = self.plan.identity.directory if self.plan is not None else str(self.user.id)
        # `~` is in nobody's directory name: `ann-b` and the server `b` of `ann` have two files.
        return self.machine.logs / f"server-{directory}{'~' + self.name if self.name else ''}.log"

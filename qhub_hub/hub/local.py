"""Servers as processes of one machine, each as its own Linux user."""

import asyncio
import signal
import sys
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner, SpawnException
from jupyterhub.utils import random_port
from traitlets import default

from qhub_hub.hub.machine import Machine
from qhub_hub.hub.planned import PlannedMixin
from qhub_hub.hub.processes import MARK, boot_id, end_marked, start_ticks, wait_until_gone
from qhub_hub.hub.resource_limits import describe
from qhub_hub.sessions import Plan, Process, to_process

_TRY_EVERY = 0.025  # seconds between two looks whether a server listens yet


class QHubLocalSpawner(PlannedMixin, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Starts the planned server as a process with the planned ids, limits and folders.

    As root every server runs as its own uid, gid and groups; otherwise all run as the user who runs the hub.
    """

    port: int
    ip: str
    pid: int
    proc: "Popen[bytes] | None"

    # What LocalProcessSpawner keeps of the hub's environment is for its own singleuser command; ours comes with the
    # plan, and PATH begins where this Python is.
    @default("env_keep")
    def _env_keep_default(self) -> list[str]:
        return ["LANG", "LC_ALL", "TZ"]

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
            SpawnException: it ended before that.
        """
        if self.plan is None:
            raise SpawnException("A server can only be started with a plan.", reason="no-plan", status_code=500)
        process = to_process(self.plan, root=self.machine.files, python=sys.executable)
        self.port = self.port or random_port()
        self.ip = self.ip or "127.0.0.1"
        mark = self.mark
        env = {**process.env, **self.get_env(), **self._names(process), MARK: mark}
        log = self._log_path()
        self.log.info("Starting %s for %s (output in %s)", " ".join(process.argv), self._log_name, log)
        self.proc = self._begin(process, env, log)
        self.pid = self.proc.pid
        self._limit(process)
        await self._until_it_listens(self.proc, log)
        return self.ip, self.port

    def _begin(self, process: Process, env: dict[str, str], log: Path) -> "Popen[bytes]":
        with log.open("wb") as output:
            return Popen(  # noqa: S603 - the plan's command, no shell
                [*process.argv, *self.get_args()],
                env=env,
                cwd=process.cwd,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                umask=process.umask,
                start_new_session=True,
                **self._credentials(process),
            )

    def _credentials(self, process: Process) -> dict[str, Any]:
        if not self.machine.own_ids:
            return {}
        # Set by the child itself between fork and exec, in C: unlike a preexec_fn this is safe in a process with
        # threads.
        return {"user": process.uid, "group": process.gid, "extra_groups": list(process.gids)}

    def _names(self, process: Process) -> dict[str, str]:
        if not self.machine.own_ids or self.plan is None:
            return {}
        folder = self.machine.names / self.plan.identity.directory
        return {"NSS_WRAPPER_PASSWD": str(folder / "passwd"), "NSS_WRAPPER_GROUP": str(folder / "group")}

    def _limit(self, process: Process) -> None:
        limiter = self.machine.limiter
        try:
            limiter.apply(self._group_of_server(), self.pid, process.memory_limit, process.cpu_limit)
        except OSError as error:
            self.log.error("The limits of %s could not be set: %s", self._log_name, error)
            raise SpawnException(
                "The limits of your server can't be set on this machine. An administrator finds the reason in the log.",
                reason="limits",
                status_code=500,
            ) from error
        self.log.info("Limits of %s: %s", self._log_name, describe(limiter, process.memory_limit, process.cpu_limit))

    async def _until_it_listens(self, server: "Popen[bytes]", log: Path) -> None:
        # The hub itself would look with random pauses that grow (facts/charts.md §8); when start() returns only once
        # the port answers, its first look succeeds.
        while server.poll() is None:
            try:
                _, writer = await asyncio.open_connection(self.ip, self.port)
            except OSError:
                await asyncio.sleep(_TRY_EVERY)
                continue
            writer.close()
            return
        self.log.error(
            "%s ended with exit code %s; its last words:\n%s", self._log_name, server.returncode, _end_of(log)
        )
        raise SpawnException(
            f"Your server ended while it was starting (exit code {server.returncode}). "
            "An administrator finds its output in the log.",
            reason="ended",
            status_code=500,
        )

    async def poll(self) -> int | None:
        """None while the server runs, else its exit code (0 when unknown)."""
        if self.proc is None and self.pid and start_ticks(self.pid) != self._ticks:
            # Taken up from state, and the number is somebody else's by now.
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        return status

    async def stop(self, now: bool = False) -> None:
        """Ask the server to end, insist after a while, and end what it left behind."""
        mark, group = self.mark, self._group_of_server()
        for sign, patience in ((signal.SIGTERM, self.term_timeout), (signal.SIGKILL, self.kill_timeout)):
            if (now and sign is signal.SIGTERM) or await self.poll() is not None:
                continue
            await self._signal(sign)
            if await wait_until_gone(self.pid, patience):
                await self.poll()  # reaps it
                break
        if ended := await asyncio.to_thread(end_marked, mark):
            self.log.info("Ended %i processes that %s had left running", ended, self._log_name)
        self.machine.limiter.release(group)

    _ticks: int | None = None

    def get_state(self) -> dict[str, Any]:
        """State by which the process is recognised after the hub was restarted."""
        state: dict[str, Any] = super().get_state()
        if self.pid:
            state |= {"ticks": self._ticks or start_ticks(self.pid), "boot": boot_id(), "port": self.port}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a server that outlived the hub, unless its process number belongs to somebody else now."""
        super().load_state(state)
        pid, ticks = state.get("pid"), state.get("ticks")
        if pid and (ticks is None or state.get("boot") != boot_id() or start_ticks(pid) != ticks):
            self.pid = 0
        self._ticks = ticks
        self.port = state.get("port") or self.port

    @property
    def mark(self) -> str:
        """What every process of this server carries in its environment."""
        # The port makes it another one for every start; it is in the state, so it is known after a restart too.
        return f"{self.machine.mark}/{self.user.id}/{self.name}/{self.port}"

    def _log_path(self) -> Path:
        directory = self.plan.identity.directory if self.plan is not None else str(self.user.id)
        return self.machine.logs / f"server-{directory}{'-' + self.name if self.name else ''}.log"

    def _group_of_server(self) -> str:
        return f"server-{self.user.id}-{self.name}" if self.name else f"server-{self.user.id}"


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]

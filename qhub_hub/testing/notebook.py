"""What a notebook of somebody's would do: Python as that person, in the environment of their running server."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from qhub_hub.singleuser.dask import mend_client
from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import PATIENCE, eventually


class Notebook:
    """Runs Python as a kernel of a running server would.

    Args:
        hub: where the server runs.
        person: whose it is.

    Raises:
        RuntimeError: they have no running server.
        AssertionError: the Dask gateway does not answer.
    """

    def __init__(self, hub: RunningHub, person: Person) -> None:
        self.hub = hub
        self.name = person.name
        self._env = _environment(hub, person.name)
        mend_client(self._env)
        _wait_for_gateway(self._env["DASK_GATEWAY__ADDRESS"])

    def run(self, code: str, python: str = sys.executable, within: float = PATIENCE) -> str:
        """What a piece of Python prints.

        Args:
            python: interpreter, such as that of an environment.
            within: seconds.

        Raises:
            AssertionError: it ended with an error, which is quoted.
        """
        uid, gid = self.ids
        as_them: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
        ended: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - what a test says
            [python, "-c", code],
            env=self._env,
            cwd=self._env["HOME"],
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
            **as_them,
        )
        if ended.returncode:
            raise AssertionError(ended.stderr[-3000:])
        return ended.stdout

    @property
    def home(self) -> Path:
        """Their home on this machine."""
        return Path(self._env["HOME"])

    @property
    def ids(self) -> tuple[int, int]:
        """Owner and group of the home."""
        state = self.home.stat()
        return state.st_uid, state.st_gid


def _wait_for_gateway(address: str) -> None:
    # It starts after the hub, which waits for nobody: some seconds later than the first server of a fast test.
    def answers() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{address}/api/health").status_code == 200
        return False

    eventually(answers, what=f"no gateway answered at {address}")


def _environment(hub: RunningHub, name: str) -> dict[str, str]:
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (process / "environ").read_bytes().decode().split("\0")
            env = dict(word.split("=", 1) for word in words if "=" in word)
            here = env.get("HOME", "").startswith(f"{hub.state}/") and env.get("JUPYTERHUB_USER") == name
            if process.name.isdecimal() and here and b"singleuser" in (process / "cmdline").read_bytes():
                return env
    raise RuntimeError(f"no server of {name} runs")

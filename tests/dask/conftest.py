"""One real hub with its gateway, and what a notebook of somebody's would do."""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from qhub_hub.singleuser.dask import mend_client
from qhub_hub.testing.one_machine import Person, RunningHub

VALUES = """
qhub:
  users: {ann: {}, bob: {}, eve: {}}
  groups:
    data: {members: [ann]}
    gpu: {members: [bob]}
  profiles:
    small: {order: -1, cpu: {guarantee: 0.1, limit: 2}, memory: {guarantee: "256Mi", limit: "2Gi"}}
    fast: {cpu: {guarantee: 0.1, limit: 2}, memory: {limit: "1Gi"}, allowedGroups: [gpu]}
  prices: {cpu: 0.5}
  limits:
    everyone: {dask: {clusters: 2, workers: 3}}
"""
GATEWAY_WITHIN = 60  # seconds
RUNS_WITHIN = 150  # seconds; two cores that are shared with other tests


@pytest.fixture(scope="session")
def dask_hub(qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub on which ann (data), bob (gpu) and eve can sign in."""
    return qhub_up("dask", VALUES)


class Notebook:
    """Runs Python as a kernel of a running server would."""

    def __init__(self, hub: RunningHub, person: Person) -> None:
        self.hub = hub
        self.name = person.name
        self._env = _environment(hub, person.name)
        mend_client(self._env)
        _wait_for_gateway(self._env["DASK_GATEWAY__ADDRESS"])

    def run(self, code: str) -> str:
        """What a piece of Python prints; it must end without an error."""
        entry = pwd.struct_passwd(("", "", *self.ids, "", self._env["HOME"], ""))
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env=self._env,
            cwd=self._env["HOME"],
            capture_output=True,
            text=True,
            timeout=RUNS_WITHIN,
            **({"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}),
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
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
    deadline = time.monotonic() + GATEWAY_WITHIN
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/api/health").status_code == 200:
                return
        assert time.monotonic() < deadline, f"no gateway answers at {address}"
        time.sleep(0.1)


def _environment(hub: RunningHub, name: str) -> dict[str, str]:
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (process / "environ").read_bytes().decode().split("\0")
            env = dict(word.split("=", 1) for word in words if "=" in word)
            here = env.get("HOME", "").startswith(f"{hub.state}/") and env.get("JUPYTERHUB_USER") == name
            if process.name.isdecimal() and here and b"singleuser" in (process / "cmdline").read_bytes():
                return env
    raise RuntimeError(f"no server of {name} runs")


@pytest.fixture
def notebook(dask_hub: RunningHub) -> Iterator[Callable[[str], Notebook]]:
    """Start somebody's server and give them a notebook; stopped after the test, with their clusters."""
    people: list[Person] = []

    def open_for(name: str) -> Notebook:
        person = dask_hub.person(name)
        people.append(person)
        answer = person.start({"profile": "small"})
        assert answer.status_code < 400, answer.text
        return Notebook(dask_hub, person)

    yield open_for
    for person in people:
        person.stop()

"""Notebooks that use Dask on a cluster, and the pods of what they make."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qhub_hub.testing.waiting import PATIENCE
from tests.cluster.release import Release

API, CONTROLLER, PROXY = (f"{part}-qhub-dask-gateway" for part in ("api", "controller", "proxy"))

# What a kernel does: run what it is sent, keep the names, tell what came of it.
KERNEL = """
import json, sys, traceback
names = {}
for line in sys.stdin:
    try:
        exec(json.loads(line), names)
        told = {"result": names.get("result")}
    except BaseException as error:
        told = {"error": f"{type(error).__name__}: {error}", "where": traceback.format_exc()}
    print("told " + json.dumps(told), flush=True)
"""

START = """
import os
from dask_gateway import Gateway
cluster = Gateway().new_cluster(profile="small")
client = cluster.get_client()
result = cluster.name
"""


class Kernel:
    """A Python in the pod of somebody's server, with the variables that a notebook has."""

    def __init__(self, release: Release, name: str) -> None:
        pod = (release.server_pod(name) or {})["metadata"]["name"]
        words = ("kubectl", "-n", release.namespace, "exec", "-i", pod, "--", "python", "-u", "-c", KERNEL)
        # A killed test leaves no process behind: the kernel ends it with its parent.
        self._process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "TERM", *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = ThreadPoolExecutor(1)

    def ask(self, code: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Run code: `{"result": …}`, of the name `result`, or `{"error": …}`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._reader.submit(self._told).result(timeout=seconds))
        print(told.get("where", ""))  # seen where a test fails
        return told

    def _told(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("told "):
                return line.removeprefix("told ")
        raise AssertionError("the kernel has ended")

    def run(self, code: str) -> Any:
        """What `result` is after this code, which must succeed."""
        told = self.ask(code)
        assert "error" not in told, told["error"]
        return told["result"]

    def refusal(self, code: str) -> str:
        """With which error this code fails."""
        return str(self.ask(code).get("error"))

    def close(self) -> None:
        """End it, and with it its connections."""
        self._process.kill()
        self._process.communicate()
        self._reader.shutdown()


def wait_for_gateway(release: Release) -> None:
    """Until all its parts run."""
    for part in (API, CONTROLLER, PROXY):
        release.kubectl("rollout", "status", f"deployment/{part}", "--timeout=120s", timeout=130)


def pods(release: Release, name: str, component: str = "") -> list[dict[str, Any]]:
    """Pods of a cluster."""
    selector = f"gateway.dask.org/cluster={name.rpartition('.')[2]}"
    return release.objects("pods", selector + (f",component={component}" if component else ""))

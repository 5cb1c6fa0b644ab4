"""From POST to a server that answers: QHub against stock JupyterHub with the same packages, in one run.

Both hubs run at the same time, idle but for the one being measured; starts alternate, so that whatever else the
machine does hits both alike. Goal: a ratio of at most 0.55.
"""

import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from qhub_hub.testing.one_machine import Person, RunningHub, free_port

ROUNDS = 5

STOCK = """
c.JupyterHub.bind_url = {address!r}
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.default_url = "/lab"
c.Spawner.args = ["--allow-root"]
c.JupyterHub.services = [{{"name": "bench", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "bench", "services": ["bench"], "scopes": ["admin:users", "admin:servers"]}}]
"""


def until(look: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


class StockHub:
    """JupyterHub as its own documentation starts it."""

    def __init__(self, folder: Path, proxy: Path) -> None:
        address, self.token = f"http://127.0.0.1:{free_port()}", secrets.token_hex(16)
        config = folder / "jupyterhub_config.py"
        config.write_text(
            STOCK.format(
                address=address,
                hub_port=free_port(),
                api_port=free_port(),
                proxy=[
                    shutil.which("node"),
                    str(proxy / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"),
                ],
                homes=str(folder / "{username}"),
                token=self.token,
            )
        )
        with (folder / "hub.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "/usr/bin/setpriv",
                    "--pdeathsig",
                    "TERM",
                    sys.executable,
                    "-m",
                    "jupyterhub",
                    "-f",
                    str(config),
                ],
                cwd=folder,
                env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.Client(
            base_url=f"{address}/hub/api", headers={"Authorization": f"token {self.token}"}, timeout=60
        )
        until(self._answers, 60)
        self.http.post("/users/zoe")

    def _answers(self) -> bool:
        try:
            return self.http.get("/").status_code == 200
        except httpx.HTTPError:
            return False

    def start_and_stop(self) -> float:
        """Seconds from POST to ready."""
        begun = time.monotonic()
        self.http.post("/users/zoe/server")
        until(lambda: bool(self.http.get("/users/zoe").json()["servers"].get("", {}).get("ready")), 60)
        took = time.monotonic() - begun
        self.http.delete("/users/zoe/server")
        until(lambda: not self.http.get("/users/zoe").json()["servers"], 60)
        return took

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(30)


def start_and_stop(person: Person) -> float:
    """Seconds from POST to ready."""
    begun = time.monotonic()
    person.api("POST", f"/users/{person.name}/server")
    until(lambda: bool(person.server().get("ready")), 60)
    took = time.monotonic() - begun
    person.stop()
    return took


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="qhub-bench-"))
    folder.chmod(0o711)
    ours = RunningHub(folder / "state").start()
    stock = StockHub(folder, folder / "state/proxy")
    try:
        zoe = ours.person("zoe")
        start_and_stop(zoe), stock.start_and_stop()  # warm: the first reads everything from disk
        pairs = [(start_and_stop(zoe), stock.start_and_stop()) for _ in range(ROUNDS)]
    finally:
        stock.close()
        ours.stop()
        shutil.rmtree(folder)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"server POST -> ready: QHub {mine:.2f} s, stock {theirs:.2f} s, ratio {mine / theirs:.2f} (goal <= 0.55)")
    print("rounds: " + ", ".join(f"{one:.2f}/{other:.2f}" for one, other in pairs))


if __name__ == "__main__":
    main()

"""QHub inside a Zero to JupyterHub release: stock JupyterHub, that chart's settings, and two lines of extraConfig."""

import asyncio
import os
import stat
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jupyterhub.utils import random_port

from qhub_hub.environments import MANIFEST, Environment, write_manifest
from qhub_hub.testing.waiting import PATIENCE

TOKEN = "a-token-of-the-test"
# What that chart's own configuration sets for its default values (facts/charts.md §2), in our words.
CHART = """
import os
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = os.environ["ADDRESS"]
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.cleanup_servers = False
c.JupyterHub.last_activity_interval = 60
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.KubeSpawner.namespace = "default"
c.KubeSpawner.common_labels = {"app": "jupyterhub", "heritage": "jupyterhub", "release": "z2jh"}
c.KubeSpawner.extra_labels = {"hub.jupyter.org/network-access-hub": "true"}
c.KubeSpawner.image = "quay.example/lab:1"
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.uid, c.KubeSpawner.fs_gid = 1000, 100
c.KubeSpawner.mem_guarantee = "1G"
c.KubeSpawner.start_timeout = 30
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.node_affinity_preferred = []
c.KubeSpawner.tolerations = [
    {"key": key, "operator": "Equal", "value": "user", "effect": "NoSchedule"}
    for key in ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
]
c.KubeSpawner.volumes = [{"name": "theirs", "emptyDir": {}}]
c.KubeSpawner.volume_mounts = [{"name": "theirs", "mountPath": "/theirs"}]
c.KubeSpawner.profile_list = [{"display_name": "Open door", "kubespawner_override": {"privileged": True}}]
c.JupyterHub.services = [
    {"name": "jupyterhub-idle-culler", "url": "http://127.0.0.1:1", "api_token": "culler-culler"},
    {"name": "test", "api_token": os.environ["TOKEN"]},
]
c.JupyterHub.load_roles = [
    {"name": "jupyterhub-idle-culler", "scopes": ["list:users"], "services": ["jupyterhub-idle-culler"]},
    {"name": "test", "scopes": ["admin:users", "admin:servers", "list:services"], "services": ["test"]},
]
from jupyterhub.proxy import Proxy
class Routes(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}
c.JupyterHub.proxy_class = Routes
"""
TWO_LINES = """
from qhub_hub.hub.upstream import configure
configure(c, values=os.environ["VALUES"], state=os.environ["STATE"])
"""
QHUB = {
    "users": {"ann": {"uid": 120001}},
    "groups": {"data": {"gid": 80001, "members": ["ann"]}},
    "profiles": {"small": {"displayName": "Small", "cpu": {"limit": 1}, "memory": {"limit": "1Gi"}}},
}


class Upstream:
    """A stock hub process."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.log = folder / "hub.log"
        self.values = folder / "values.yaml"
        self.environment = environment
        self.process: asyncio.subprocess.Process | None = None
        headers = {"Authorization": f"token {TOKEN}"}
        self.http = httpx.AsyncClient(base_url=f"{environment['ADDRESS']}/hub/api", headers=headers, timeout=60)

    def say(self, qhub: Any) -> None:
        """Write that chart's values."""
        self.values.write_text(yaml.safe_dump({"hub": {"db": {"type": "sqlite-pvc"}}, "custom": {"qhub": qhub}}))

    async def begin(self) -> None:
        """Start the process."""
        (self.folder / "jupyterhub_config.py").write_text(CHART + TWO_LINES)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "jupyterhub", "--config", "jupyterhub_config.py", "--upgrade-db"),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    async def until(self, so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not await so():
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def answers(self) -> bool:
        """Whether the hub is up."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        with suppress(httpx.TransportError):
            return (await self.http.get("/")).status_code == 200
        return False

    async def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), 30)
        await self.http.aclose()


@pytest.fixture
async def upstream(fake_kube: Any, tmp_path: Path, storage_service: Any) -> AsyncIterator[Upstream]:
    environment = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(fake_kube.kubeconfig(tmp_path / "kube.yaml")),
        "ADDRESS": f"http://127.0.0.1:{random_port()}",
        "TOKEN": TOKEN,
        "VALUES": str(tmp_path / "values.yaml"),
        "STATE": str(tmp_path),
        "QHUB_STORAGE_URL": storage_service.url,
        "QHUB_STORAGE_TOKEN_FILE": str(storage_service.token_file),
    }
    made = Upstream(tmp_path, environment)
    made.say(QHUB)
    yield made
    await made.stop()


async def test_servers_are_planned_and_what_that_chart_set_stays(upstream: Upstream, fake_kube: Any) -> None:
    await upstream.begin()
    await upstream.until(upstream.answers)
    await upstream.http.post("/users/ann")
    answer = await upstream.http.post("/users/ann/server", json={"profile": "small"})
    assert answer.status_code in (201, 202), answer.text
    await fake_kube.until(lambda: [pod for pod in fake_kube.pods() if pod["status"].get("podIP")])
    [pod] = fake_kube.pods()
    security, server = pod["spec"]["securityContext"], pod["spec"]["containers"][0]
    assert (security["runAsUser"], security["runAsGroup"]) == (120001, 120001)
    assert security["supplementalGroups"]
    assert "fsGroup" not in security
    assert server["image"] == "quay.example/lab:1"
    assert "privileged" not in server["securityContext"]
    mounts = {mount["mountPath"] for mount in server["volumeMounts"]}
    assert {"/theirs", "/home/ann", "/shared/data", "/etc/passwd"} <= mounts
    assert pod["metadata"]["labels"]["release"] == "z2jh"
    assert stat.S_IMODE(os.stat(upstream.folder / "share/home/ann").st_mode) == 0o700
    services = (await upstream.http.get("/services")).json()
    assert set(services) == {"culler", "test"}, "that chart's culler would stop servers by a limit of its own"


async def test_environments_on_the_share_are_in_the_next_server(upstream: Upstream, fake_kube: Any) -> None:
    folder = upstream.folder / "share/environments/global"
    folder.mkdir(parents=True)
    write_manifest(folder, (Environment("global", "tiny", f"{folder}/builds/tiny/1"),))
    # As servers see it, whose share is mounted elsewhere.
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace(str(folder), "/home/conda/global"))
    await upstream.begin()
    await upstream.until(upstream.answers)
    await upstream.http.post("/users/ann")

    async def mounted() -> bool:
        await upstream.http.post("/users/ann/server", json={"profile": "small"})
        await fake_kube.until(fake_kube.pods)
        [pod] = fake_kube.pods()
        found = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        if "/home/conda/global" in found:
            return True
        await upstream.http.delete("/users/ann/server")
        await fake_kube.until(lambda: not fake_kube.pods())
        return False

    await upstream.until(mounted)


async def test_profiles_are_followed(upstream: Upstream) -> None:
    await upstream.begin()
    await upstream.until(upstream.answers)
    await upstream.http.post("/users/ann")
    upstream.say({**QHUB, "profiles": {"other": {"displayName": "Other", "memory": {"limit": "1Gi"}}}})

    async def offered() -> bool:
        return (await upstream.http.post("/users/ann/server", json={"profile": "other"})).status_code in (201, 202)

    await upstream.until(offered)


@pytest.mark.parametrize(
    ("qhub", "missing", "words"),
    [
        ({"profils": {}}, "", "custom.qhub can't be used"),
        (QHUB, "QHUB_STORAGE_URL", "The variable QHUB_STORAGE_URL is not set"),
    ],
    ids=["values", "storage"],
)
async def test_what_can_not_be_used_is_said_and_no_hub_starts_without_plans(
    upstream: Upstream, qhub: Any, missing: str, words: str
) -> None:
    upstream.say(qhub)
    upstream.environment.pop(missing, None)
    await upstream.begin()
    assert upstream.process is not None
    assert await asyncio.wait_for(upstream.process.wait(), 30) != 0
    assert words in upstream.log.read_text()

"""`qhub hub` as the chart runs it: Secrets as folders, the storage service beside it, pods on a cluster."""

import asyncio
import os
import signal
import sqlite3
import stat
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy
import yaml
from jupyterhub.utils import random_port

from qhub_hub.config import load_values
from qhub_hub.testing.waiting import PATIENCE

PASSWORD = "sixteen-letters-or-more"
KEYS = {
    "hub.config.JupyterHub.cookie_secret": "c0" * 32,
    "hub.config.ConfigurableHTTPProxy.auth_token": "a1" * 32,
    "hub.config.CryptKeeper.keys": "d2" * 32,
    "hub.services.robot.apiToken": "a-token-of-the-robot",
    "qhub.storageToken": "another-token-of-some-length",
    "qhub.password": PASSWORD,
    "qhub.adminPassword": "thirty-two-letters-or-more-are-asked-for",
}
TEAM = """
qhub:
  users: {ann: {uid: 120001}, root-ish: {admin: true}}
  groups: {data: {gid: 80001, members: [ann]}}
  profiles:
    small: {displayName: Small, cpu: {limit: 1}, memory: {limit: 1Gi}}
"""
# Nobody proxies here: the test talks to the hub.
NO_PROXY = """
from jupyterhub.proxy import Proxy
class Routes(Proxy):
    should_start = False
    routes = {}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}
    async def delete_route(self, routespec): self.routes.pop(routespec, None)
    async def get_all_routes(self): return dict(self.routes)
c.JupyterHub.proxy_class = Routes
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%(port)s"
"""


class Release:
    """A hub process and the folders that a chart would mount.

    Args:
        folder: of all of it.
        kubeconfig: of the cluster.
        storage: address of the storage service.
    """

    def __init__(self, folder: Path, kubeconfig: Path, storage: str) -> None:
        self.folder = folder
        self.port = random_port()
        self.qhub = folder / "qhub.yaml"
        self.config = folder / "config"
        (self.config / "secret").mkdir(parents=True)
        (folder / "state").mkdir()
        self.say(TEAM)
        for key, text in KEYS.items():
            (self.config / "secret" / key).write_text(text)
        self.values(
            {
                "hub": {
                    "extraConfig": {"no-proxy": NO_PROXY % {"port": self.port}},
                    "services": {"robot": {"admin": True}},
                    "loadRoles": {"robot": {"services": ["robot"], "scopes": ["admin:users", "admin:servers"]}},
                },
                "singleuser": {"extraEnv": {"TEAM": "blue"}, "startTimeout": 20, "storage": {"capacity": "10Gi"}},
            }
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig),
            "POD_NAMESPACE": "default",
            "HELM_RELEASE_NAME": "qhub",
            "QHUB_HUB_URL": f"http://127.0.0.1:{self.port}",
            "QHUB_PROXY_API_URL": "http://127.0.0.1:1",
            "QHUB_STORAGE_URL": storage,
            "QHUB_LAB_IMAGE": "registry.example/lab:1",
        }
        self.log = folder / "hub.log"
        self.process: asyncio.subprocess.Process | None = None
        self.http = httpx.AsyncClient(base_url=self.environment["QHUB_HUB_URL"], timeout=30)

    def say(self, values: str) -> None:
        """Write the `qhub` section, as the chart renders it: with the defaults merged in."""
        given = self.folder / "given.yaml"
        given.write_text(values)
        whole = load_values(given).qhub.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.qhub.with_suffix(".new").write_text(yaml.safe_dump({"qhub": whole}))
        self.qhub.with_suffix(".new").rename(self.qhub)

    def values(self, jupyterhub: dict[str, Any]) -> None:
        """Write the chart's `jupyterhub` section."""
        (self.config / "secret/values.yaml").write_text(yaml.safe_dump(jupyterhub))

    async def start(self) -> None:
        """Start the hub and wait until it answers."""
        await self.begin()
        await self.until(self._answers)

    async def begin(self) -> None:
        """Start the process."""
        command = (sys.executable, "-P", "-m", "qhub_hub", "hub", "--values", self.qhub, "--config", self.config)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, "--state", self.folder / "state", env=self.environment, stdout=log, stderr=log
            )

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        with suppress(httpx.TransportError):
            return (await self.http.get("/hub/health")).status_code == 200
        return False

    async def ended(self) -> int:
        """Wait for its end."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), 30)

    async def stop(self) -> None:
        """End it as Kubernetes does."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.ended()
        await self.http.aclose()

    async def api(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """A request of the service `robot`."""
        headers = {"Authorization": f"token {KEYS['hub.services.robot.apiToken']}"}
        return await self.http.request(method, f"/hub/api{path}", json=json, headers=headers)

    async def until(self, so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not await so():
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def server(self, name: str) -> dict[str, Any]:
        """The hub's model of a person's server."""
        found: dict[str, Any] = (await self.api("GET", f"/users/{name}")).json().get("servers", {}).get("", {})
        return found


@pytest.fixture
async def release(fake_kube: Any, tmp_path: Path, storage_service: Any) -> AsyncIterator[Release]:
    storage_service.token_file.write_text(KEYS["qhub.storageToken"])
    made = Release(tmp_path, fake_kube.kubeconfig(tmp_path / "kube.yaml"), storage_service.url)
    yield made
    await made.stop()


async def test_a_person_gets_a_pod_with_their_folders(release: Release, fake_kube: Any) -> None:
    await release.start()
    await release.api("POST", "/users/ann")
    answer = await release.api("POST", "/users/ann/server", {"profile": "small"})
    assert answer.status_code in (201, 202), answer.text

    async def ready() -> bool:
        return bool((await release.server("ann")).get("ready"))

    await release.until(ready)
    [pod] = fake_kube.pods()
    server = pod["spec"]["containers"][0]
    assert (server["image"], pod["spec"]["securityContext"]["runAsUser"]) == ("registry.example/lab:1", 120001)
    assert {"name": "TEAM", "value": "blue"} in server["env"]
    labels = pod["metadata"]["labels"]
    assert labels["hub.jupyter.org/network-access-hub"] == "true"
    assert (labels["app"], labels["component"], labels["release"]) == ("jupyterhub", "singleuser-server", "qhub")
    share = release.folder / "share"
    assert stat.S_IMODE(os.stat(share / "home/ann").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(share / "shared/data").st_mode) == 0o2770


async def test_servers_outlive_the_hub_and_the_next_one_knows_them(release: Release, fake_kube: Any) -> None:
    await release.start()
    await release.api("POST", "/users/ann")
    await release.api("POST", "/users/ann/server", {"profile": "small"})
    assert release.process is not None
    release.process.send_signal(signal.SIGTERM)
    assert await release.ended() in (0, -signal.SIGTERM)
    [pod] = fake_kube.pods()
    await release.start()
    assert (await release.server("ann"))["ready"]
    assert [found["metadata"]["uid"] for found in fake_kube.pods()] == [pod["metadata"]["uid"]]


async def test_profiles_change_without_a_restart(release: Release) -> None:
    await release.start()
    release.say(TEAM.replace("small:", "other: {displayName: Other}\n    small:"))
    await release.api("POST", "/users/ann")

    async def offered() -> bool:
        return (await release.api("POST", "/users/ann/server", {"profile": "other"})).status_code in (201, 202)

    await release.until(offered)
    assert release.process is not None
    assert release.process.returncode is None


async def test_another_sign_in_ends_the_hub_so_that_it_is_started_anew(release: Release) -> None:
    await release.start()
    release.say(TEAM + "  signIn: {provider: dummy}\n")
    await release.ended()
    assert "qhub.signIn changed" in release.log.read_text()


async def test_a_sign_in_that_can_not_work_keeps_the_hub_as_it_is(release: Release) -> None:
    await release.start()
    release.say(TEAM + "  signIn: {provider: github, github: {clientId: x, secretFile: /nowhere/at-all}}\n")

    async def told() -> bool:
        return "so the hub goes on as it was: The client secret can't be read" in release.log.read_text()

    await release.until(told)
    assert (await release.http.get("/hub/login")).status_code == 200


async def test_a_broken_file_is_told_and_changes_nothing(release: Release) -> None:
    await release.start()
    release.qhub.write_text("qhub: {profils: {}}\n")

    async def told() -> bool:
        return "the last good one stays in force" in release.log.read_text()

    await release.until(told)
    assert "did you mean" in release.log.read_text()
    assert (await release.http.get("/hub/health")).status_code == 200


async def test_people_sign_in_with_the_generated_password(release: Release) -> None:
    await release.start()
    async with httpx.AsyncClient(base_url=release.environment["QHUB_HUB_URL"]) as browser:
        page = await browser.get("/hub/login")
        assert "namespace default" in page.text
        xsrf = browser.cookies["_xsrf"]
        for password, status in (("wrong", 403), (PASSWORD, 302)):
            form = {"username": "ann", "password": password, "_xsrf": xsrf}
            assert (await browser.post("/hub/login", data=form)).status_code == status


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"hub.services.robot.apiToken", "qhub.storageToken"}))
async def test_a_missing_key_is_named(release: Release, key: str) -> None:
    (release.config / "secret" / key).unlink()
    await release.begin()
    assert await release.ended() == 1
    log = release.log.read_text()
    assert f"The key {key} is missing in the hub's Secret" in log
    assert "Traceback" not in log


async def test_an_own_secret_wins_over_the_charts(release: Release) -> None:
    own = release.config / "existing-secret"
    own.mkdir()
    (own / "qhub.password").write_text("another-password-of-theirs")
    (own / "values.yaml").write_text(yaml.safe_dump({"singleuser": {"extraEnv": {"TEAM": "red"}}}))
    await release.start()
    async with httpx.AsyncClient(base_url=release.environment["QHUB_HUB_URL"]) as browser:
        await browser.get("/hub/login")
        form = {"username": "ann", "_xsrf": browser.cookies["_xsrf"]}
        assert (await browser.post("/hub/login", data=form | {"password": PASSWORD})).status_code == 403
        answer = await browser.post("/hub/login", data=form | {"password": "another-password-of-theirs"})
        assert answer.status_code == 302


async def test_outside_of_a_pod_the_command_says_so(release: Release) -> None:
    del release.environment["POD_NAMESPACE"]
    await release.begin()
    assert await release.ended() == 1
    assert "this is no pod of QHub's chart" in release.log.read_text()


async def test_databases_are_files_of_the_state_folder_and_closed_to_others(release: Release) -> None:
    await release.start()
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(release.folder / "state")}
    databases = ("identities.sqlite", "jupyterhub.sqlite", "usage.sqlite")
    assert {name: oct(modes[name]) for name in databases} == dict.fromkeys(databases, "0o600")


async def test_debugging_tells_no_secret(release: Release) -> None:
    values = yaml.safe_load((release.config / "secret/values.yaml").read_text())
    values["hub"]["config"] = {"Application": {"log_level": 10}}
    release.values(values)
    await release.start()
    log = release.log.read_text()
    assert "[D " in log
    cookie = bytes.fromhex(KEYS["hub.config.JupyterHub.cookie_secret"])
    assert [secret for secret in (*KEYS.values(), repr(cookie)) if secret in log] == []


async def test_a_postgresql_holds_sign_ins_ids_and_usage(release: Release, postgresql: Callable[[], str]) -> None:
    values = yaml.safe_load((release.config / "secret/values.yaml").read_text())
    url = postgresql()
    values["hub"]["db"] = {"type": "postgres", "url": url}
    release.values(values)
    (release.config / "secret/hub.db.password").write_text("not-asked-for-by-this-server")
    await release.start()
    await release.api("POST", "/users/ann")
    assert (await release.api("POST", "/users/ann/server", {"profile": "small"})).status_code in (201, 202)

    async def ready() -> bool:
        return bool((await release.server("ann")).get("ready"))

    await release.until(ready)
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as database:
        for table in ("users", "qhub_ids", "qhub_runs"):
            assert database.execute(sqlalchemy.text(f"SELECT count(*) FROM {table}")).scalar_one() > 0, table  # noqa: S608
    engine.dispose()
    assert os.listdir(release.folder / "state") == []
    assert "not-asked-for-by-this-server" not in release.log.read_text()


async def test_the_database_of_an_older_version_is_upgraded_with_a_copy_beside_it(release: Release) -> None:
    await release.start()
    await release.api("POST", "/users/ann")
    assert release.process is not None
    release.process.send_signal(signal.SIGTERM)
    await release.ended()
    state = release.folder / "state"
    # As JupyterHub 5.4 had it: before the migration that added this column.
    with closing(sqlite3.connect(state / "jupyterhub.sqlite")) as database:
        database.execute("ALTER TABLE spawners DROP COLUMN display_name")
        database.execute("UPDATE alembic_version SET version_num = 'ff1860e38070'")
        database.commit()
    await release.start()
    assert (await release.api("GET", "/users/ann")).json()["name"] == "ann"
    [copy] = [name for name in os.listdir(state) if name.startswith("jupyterhub.sqlite.")]
    with closing(sqlite3.connect(state / copy)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [("ff1860e38070",)]

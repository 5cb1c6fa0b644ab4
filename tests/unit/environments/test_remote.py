"""A hub that mounts no share knows the environments all the same, also while nobody answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from qhub_hub.environments import MANIFEST, Environment, write_manifest
from qhub_hub.environments.remote import RemoteManifests
from qhub_hub.environments.service import handlers

TOKEN = "a-token-of-some-length"
SEEN = Path("/home/conda")  # where people's pods see what lies elsewhere here


def fill(root: Path, namespace: str, *names: str) -> None:
    (root / namespace).mkdir(parents=True, exist_ok=True)
    prefix = SEEN / namespace / "builds"
    write_manifest(root / namespace, tuple(Environment(namespace, name, f"{prefix}/{name}/1") for name in names))


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    server = HTTPServer(Application(handlers(tmp_path / "share", lambda: TOKEN)))
    socket, port = bind_unused_port()
    server.add_sockets([socket])
    yield f"http://127.0.0.1:{port}"
    server.stop()
    await server.close_all_connections()


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


@pytest.fixture
def asked(url: str) -> Callable[..., Any]:
    manifests = RemoteManifests(url, lambda: TOKEN, SEEN)

    async def ask() -> RemoteManifests:
        await asyncio.to_thread(manifests.refresh)
        return manifests

    return ask


async def test_environments_appear_change_and_go(asked: Callable[..., Any], share: Path) -> None:
    assert (await asked()).read() == ()
    fill(share, "global", "one", "two")
    fill(share, "group-data", "three")
    (share / "group-empty").mkdir()
    catalogue = (await asked()).read()
    assert [one.key for one in catalogue] == ["global/one", "global/two", "group-data/three"]
    assert catalogue[0].prefix == "/home/conda/global/builds/one/1"
    assert (await asked()).read() is catalogue, "readers compare it"
    fill(share, "global", "two")
    assert [one.key for one in (await asked()).read()] == ["global/two", "group-data/three"]


async def test_a_damaged_manifest_hides_its_namespace_only(asked: Callable[..., Any], share: Path) -> None:
    fill(share, "global", "one")
    fill(share, "geo", "one")
    (share / "geo" / MANIFEST).write_text("{half")
    found = await asked()
    assert [one.key for one in found.read()] == ["global/one"]
    assert "geo/.qhub-envs.json is damaged" in found.problems[0]
    (share / "geo" / MANIFEST).unlink()
    (share / "geo" / MANIFEST).symlink_to("/etc/passwd")
    found = await asked()
    assert "can't read /home/conda/geo" in found.problems[0]
    assert [one.key for one in found.read()] == ["global/one"]


async def test_what_was_known_stays_while_nobody_answers(
    asked: Callable[..., Any], share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(share, "global", "one")
    manifests = await asked()
    monkeypatch.setattr(manifests, "_address", "127.0.0.1:9")
    with pytest.raises(OSError, match="refused"):
        manifests.refresh()
    assert [one.key for one in manifests.read()] == ["global/one"]
    assert manifests.problems == ()
    monkeypatch.setattr("qhub_hub.environments.remote._MISSED_AFTER", 0.0)
    assert "those known before are offered" in manifests.problems[0]


async def test_whoever_has_no_token_is_told_nothing(url: str, share: Path) -> None:
    fill(share, "global", "one")
    async with httpx.AsyncClient(base_url=url) as client:
        for path in ("/environments", "/environments/global"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": ""}):
                answer = await client.get(path, headers=headers)
                assert (answer.status_code, answer.content) == (401, b"")
    with pytest.raises(HTTPException):
        await asyncio.to_thread(RemoteManifests(url, lambda: "wrong", SEEN).refresh)


@pytest.mark.parametrize("name", ["..", ".cache", "%2e%2e", "a%2Fb", "a%00"], ids=repr)
async def test_only_namespaces_can_be_asked_for(url: str, share: Path, name: str) -> None:
    fill(share.parent, share.name)
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert (await client.get(f"/environments/{name}")).status_code in (400, 404)

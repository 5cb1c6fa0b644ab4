"""The storage service: whoever has the token gets folders of the tree, and nothing else."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from qhub_hub.hub.folders import RemoteFolders
from qhub_hub.identity import Group, HighWaterMismatch, Identity, RealmMismatch
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Directory, Provisioner, StorageError, directories
from qhub_hub.storage.service import application, token_in

TOKEN = "a-token-of-some-length"
ANN = Identity(
    name="ann",
    posix="ann",
    uid=120001,
    gid=120001,
    groups=(Group(name="data", posix="data", gid=80001, directory="data"),),
    directory="ann",
    home="/home/ann",
)
WATER = {"realm": "r", "last_user_id": 0, "last_group_id": 0}
HOME = {"parts": ["home", "ann"], "uid": 120001, "gid": 120001, "mode": 0o700}
AROUND = [
    {"parts": [], "uid": 0, "gid": 0, "mode": 0o755},
    {"parts": ["home"], "uid": 0, "gid": 0, "mode": 0o711},
]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
async def service(share: Path, tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "token").write_text(TOKEN + "\n")
    with Provisioner(share, own_ids=False) as provisioner:
        server = HTTPServer(application(provisioner, token_in(tmp_path / "token")))
        socket, port = bind_unused_port()
        server.add_sockets([socket])
        yield f"http://127.0.0.1:{port}"
        server.stop()
        await server.close_all_connections()


@pytest.fixture
def store(tmp_path: Path) -> IdentityStore:
    return IdentityStore(f"sqlite:///{tmp_path}/ids.sqlite", realm="r")


@pytest.fixture
def ensure(service: str, store: IdentityStore) -> Callable[..., Any]:
    async def asked(wanted: Any = None, token: str = TOKEN, of: IdentityStore | None = None) -> None:
        folders = RemoteFolders(service, lambda: token, of or store)
        await asyncio.to_thread(folders.ensure, directories(ANN) if wanted is None else wanted)

    return asked


async def put(service: str, wanted: Any, token: str = TOKEN, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        content = json.dumps({"water": WATER, "folders": wanted} | body)
        return await client.put(
            f"{service}/folders", content=content, headers={"Authorization": f"Bearer {token}".encode("latin-1")}
        )


async def test_the_hub_gets_the_folders_of_a_person(ensure: Callable[..., Any], share: Path) -> None:
    await ensure()
    await ensure()
    assert stat.S_IMODE((share / "home/ann").stat().st_mode) == 0o700
    assert stat.S_IMODE((share / "shared/data").stat().st_mode) == 0o2770
    assert json.loads((share / ".qhub/realm.json").read_text())["realm"] == "r"


async def test_without_the_token_nothing_is_made(ensure: Callable[..., Any], service: str, share: Path) -> None:
    with pytest.raises(StorageError, match="refuses this request \\(401\\)"):
        await ensure(token="another-token-of-this-length")
    async with httpx.AsyncClient() as client:
        assert (await client.put(f"{service}/folders", content="{}")).status_code == 401
        assert (await client.get(f"{service}/health")).status_code == 200
    assert os.listdir(share) == []


@pytest.mark.parametrize("text", ["", "short", "short\xff and no text"], ids=["empty", "short", "not text"])
async def test_a_token_file_that_is_none_lets_nobody_in(service: str, tmp_path: Path, share: Path, text: str) -> None:
    (tmp_path / "token").write_bytes(text.encode("latin-1"))
    assert (await put(service, [HOME], token=text or "x")).status_code == 503
    assert os.listdir(share) == []


@pytest.mark.parametrize(
    "folder",
    [
        {**HOME, "uid": 0},
        {**HOME, "gid": 0},
        {**HOME, "mode": 0o777},
        {**HOME, "mode": 0o4755},
        {**HOME, "parts": ["home", "..", "etc"]},
        {**HOME, "parts": ["home", "ann", ".ssh"]},
        {**HOME, "parts": ["etc"]},
        {**HOME, "parts": [".qhub"]},
        {**HOME, "parts": ["home", ".."]},
        {**HOME, "parts": "home"},
        {**HOME, "parts": ["home", 5]},
        {**HOME, "uid": True},
        {**HOME, "uid": "120001"},
        {**HOME, "more": 1},
        {"parts": ["shared", "data"], "uid": 120001, "gid": 80001, "mode": 0o2770},
        {"parts": ["shared", "data"], "uid": 0, "gid": 80001, "mode": 0o2775},
        {"parts": [], "uid": 120001, "gid": 0, "mode": 0o755},
        "home",
        None,
    ],
    ids=str,
)
async def test_what_no_plan_asks_for_is_refused_whole(service: str, share: Path, folder: Any) -> None:
    answer = await put(service, [*AROUND, folder])
    assert answer.status_code == 400
    assert os.listdir(share) == []


@pytest.mark.parametrize(
    "body",
    [
        {"water": {"realm": "r"} | {"last_user_id": "9", "last_group_id": 0}},
        {"water": None},
        {"folders": 5},
        {"water": {**WATER, "x": 1}},
    ],
    ids=str,
)
async def test_a_request_of_no_hub_is_refused(service: str, share: Path, body: dict[str, Any]) -> None:
    assert (await put(service, AROUND, **body)).status_code == 400
    assert os.listdir(share) == []


async def test_an_older_identity_database_is_refused(ensure: Callable[..., Any], tmp_path: Path) -> None:
    newer = IdentityStore(f"sqlite:///{tmp_path}/newer.sqlite", realm="r")
    newer.user("somebody")
    await ensure(of=newer)
    with pytest.raises(HighWaterMismatch, match="old backup"):
        await ensure()


async def test_files_of_another_installation_are_refused(ensure: Callable[..., Any], tmp_path: Path) -> None:
    await ensure()
    with pytest.raises(RealmMismatch, match="another folder or volume"):
        await ensure(of=IdentityStore(f"sqlite:///{tmp_path}/other.sqlite", realm="other"))


async def test_a_link_in_place_of_a_home_is_told(ensure: Callable[..., Any], share: Path) -> None:
    (share / "home").mkdir()
    (share / "home/ann").symlink_to("/etc")
    with pytest.raises(StorageError, match="symbolic link"):
        await ensure()


async def test_a_service_that_is_away_is_named(store: IdentityStore) -> None:
    socket, port = bind_unused_port()
    socket.close()
    folders = RemoteFolders(f"http://127.0.0.1:{port}", lambda: TOKEN, store, patience=0.1)
    with pytest.raises(StorageError, match=f"storage service at 127.0.0.1:{port} does not answer"):
        await asyncio.to_thread(folders.ensure, [Directory((), 0, 0, 0o755)])


async def test_a_start_that_a_newcomer_overtakes_gets_its_folders(
    service: str, store: IdentityStore, share: Path
) -> None:
    others = iter(["bob"])

    def token() -> str:
        # Asked for between the look at the ids and the request: somebody else comes and is faster.
        if other := next(others, ""):
            store.user(other)
            RemoteFolders(service, lambda: TOKEN, store).ensure(directories(ANN)[:1])
        return TOKEN

    await asyncio.to_thread(RemoteFolders(service, token, store).ensure, directories(ANN))
    assert (share / "home/ann").is_dir()


async def test_a_service_whose_pod_has_just_gone_is_asked_again(
    ensure: Callable[..., Any], share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, unanswered = HTTPConnection.connect, iter([TimeoutError(), TimeoutError()])

    def connect(connection: HTTPConnection) -> None:
        if error := next(unanswered, None):
            raise error
        really(connection)

    monkeypatch.setattr(HTTPConnection, "connect", connect)
    await ensure()
    assert (share / "home/ann").is_dir()


async def test_a_service_that_comes_back_is_waited_for(store: IdentityStore, share: Path, tmp_path: Path) -> None:
    socket, port = bind_unused_port()
    socket.close()  # refused from now on
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def token() -> str:
        loop.call_soon_threadsafe(asked.set)
        return TOKEN

    folders = RemoteFolders(f"http://127.0.0.1:{port}", token, store)
    waiting = asyncio.create_task(asyncio.to_thread(folders.ensure, directories(ANN)))
    await asked.wait()
    (tmp_path / "token").write_text(TOKEN)
    with Provisioner(share, own_ids=False) as provisioner:
        server = application(provisioner, token_in(tmp_path / "token")).listen(port, address="127.0.0.1")
        await waiting
        server.stop()
        await server.close_all_connections()
    assert (share / "home/ann").is_dir()

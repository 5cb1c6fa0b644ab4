"""The databases inside the hub's pod: copied while they are used, exchanged as a whole."""

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from qhub_hub.cli.archive import hub_pod
from qhub_hub.cli.archive.hub_pod import HubDatabases, file_of
from qhub_hub.cli.archive.packing import pack
from qhub_hub.cli.console import CommandError
from qhub_hub.identity.store import IdentityStore


def made(folder: Path, people: list[str]) -> HubDatabases:
    folder.mkdir()
    url = f"sqlite:///{folder}/identities.sqlite"
    store = IdentityStore(url)
    store.users(dict.fromkeys(people))
    store.close()
    with closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as connection:
        connection.execute("create table users (name text)")
        connection.executemany("insert into users values (?)", [(name,) for name in people])
        connection.commit()
    return HubDatabases(folder / "jupyterhub.sqlite", folder / "usage.sqlite", url)


def packed(places: HubDatabases, folder: Path) -> io.BytesIO:
    folder.mkdir()
    hub_pod.collect(places, folder)
    stream = io.BytesIO()
    pack(folder, "hub", stream)
    stream.seek(0)
    return stream


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("select name from users")]


def test_another_volume_comes_to_the_same_databases_and_keeps_its_own(tmp_path: Path) -> None:
    old, new = made(tmp_path / "old", ["ann", "bob"]), made(tmp_path / "new", ["eve"])
    (tmp_path / "new/jupyterhub.sqlite-wal").write_bytes(b"changes of the database that goes")
    kept = hub_pod.restore(new, packed(old, tmp_path / "copies"), tmp_path / "new")
    assert names(tmp_path / "new/jupyterhub.sqlite") == ["ann", "bob"]
    assert not (tmp_path / "new/jupyterhub.sqlite-wal").exists()
    assert [names(path) for path in kept if path.name.startswith("jupyterhub.sqlite.") and path.suffix[-1:] == "Z"] == [
        ["eve"]
    ]
    store = IdentityStore(new.identities)
    assert [record.name for record in store.records()] == ["ann", "bob"]
    store.close()


def test_a_change_that_is_not_committed_is_not_in_the_copy(tmp_path: Path) -> None:
    places = made(tmp_path / "old", ["ann"])
    assert places.hub
    with closing(sqlite3.connect(places.hub)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("begin immediate")
        writer.execute("insert into users values ('half')")
        packed(places, tmp_path / "copies")
    assert names(tmp_path / "copies/hub.sqlite") == ["ann"]


def test_a_damaged_archive_leaves_the_volume_as_it_was(tmp_path: Path) -> None:
    places = made(tmp_path / "new", ["eve"])
    with pytest.raises(CommandError, match="is damaged"):
        hub_pod.restore(places, io.BytesIO(b"\x1f\x8b" + b"x" * 100), tmp_path / "new")
    assert names(tmp_path / "new/jupyterhub.sqlite") == ["eve"]
    assert not list((tmp_path / "new").glob("restoring-*"))


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////srv/jupyterhub/jupyterhub.sqlite", Path("/srv/jupyterhub/jupyterhub.sqlite")),
        ("sqlite://", None),
        ("postgresql+psycopg://hub:secret@db/hub", None),
    ],
    ids=["file", "memory", "server"],
)
def test_only_files_are_copied(url: str, file: Path | None) -> None:
    assert file_of(url) == file

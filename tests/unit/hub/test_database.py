"""The hub's own database: what was written is in the file that JupyterHub copies before an upgrade."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from qhub_hub.hub.application import write_ahead

KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("create table people (name)")
connection.execute("insert into people values ('ann')")
connection.commit()
os._exit(0)
"""


def test_what_a_killed_hub_has_written_is_brought_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hub.sqlite"
    write_ahead(f"sqlite:///{path}")
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=True)
    assert path.with_name("hub.sqlite-wal").stat().st_size > 0

    write_ahead(f"sqlite:///{path}")
    assert list(tmp_path.iterdir()) == [path]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("select name from people").fetchall() == [("ann",)]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "postgresql://qhub@127.0.0.1:1/qhub"]
)
def test_what_is_no_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_ahead(url)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_to_jupyterhub(tmp_path: Path) -> None:
    path = tmp_path / "hub.sqlite"
    path.write_text("this is no database, whatever its name says " * 20)
    before = path.read_bytes()
    write_ahead(f"sqlite:///{path}")
    assert path.read_bytes() == before

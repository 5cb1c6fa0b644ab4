"""Databases for the identity tests: a file per test, and one real PostgreSQL server per run."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from qhub_hub.identity import nss
from qhub_hub.identity.store import IdentityStore

Opener = Callable[..., IdentityStore]

# The same examples in every run, and no clock: the machine may be busy with something else.
steady = settings(derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """A function that makes an empty database on a server of our own, reachable by a socket in a private folder."""
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if tools is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # the server refuses to run as root
    ids = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # a socket's path may have 107 bytes only
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)

        def run(tool: str, *arguments: str) -> None:
            subprocess.run([tools / tool, *arguments], check=True, capture_output=True, cwd=folder, **ids)

        data = f"{folder}/data"
        run("initdb", "--no-sync", "--auth=trust", "--username=qhub", "-D", data)
        settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        # A log of its own: the server would keep our captured output open for ever.
        run("pg_ctl", "-D", data, "-o", settings, "-l", f"{folder}/log", "-w", "start")
        numbers = count()

        def fresh() -> str:
            name = f"ids{next(numbers)}"
            run("createdb", "--host", folder, "--username", "qhub", name)
            return f"postgresql://qhub@/{name}?host={folder}"

        try:
            yield fresh
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql")())
    return f"sqlite:///{tmp_path}/ids.sqlite"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Address of an empty SQLite database."""
    return f"sqlite:///{tmp_path}/ids.sqlite"


@pytest.fixture
def opened() -> Iterator[Opener]:
    """`IdentityStore`, closed when the test ends."""
    stores: list[IdentityStore] = []

    def open_store(url: str, **settings: object) -> IdentityStore:
        stores.append(IdentityStore(url, **settings))  # type: ignore[arg-type]
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def library() -> None:
    """Skip where the real libnss_wrapper is missing."""
    if nss.find_nss_wrapper() is None:
        pytest.skip("libnss_wrapper is not installed: apt-get install libnss-wrapper")

"""Databases for the identity tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from qhub_hub.identity import nss
from qhub_hub.identity.store import IdentityStore

Opener = Callable[..., IdentityStore]

# The same examples in every run, and no clock: the machine may be busy with something else.
steady = settings(derandomize=True, deadline=None, database=None)


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

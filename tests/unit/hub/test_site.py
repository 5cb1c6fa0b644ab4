"""The site fails closed: whatever is down or damaged, nobody gets somebody else's id and nothing starts."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.config import LiveConfig
from qhub_hub.hub import site as site_module
from qhub_hub.hub.site import Site
from qhub_hub.identity import IdConflict, PreviewStore, RangeExhausted, StoreUnavailable
from qhub_hub.sessions import Rejected
from qhub_hub.storage import Directory, StorageError

VALUES = "qhub: {users: {ann: {uid: 120001}, bob: {}}, groups: {data: {members: [ann]}}}\n"


class Folders:
    """Writes nothing, and fails as it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = 0.0
        self.made: list[Directory] = []

    def ensure(self, wanted: Iterable[Directory]) -> None:
        time.sleep(self.hangs)
        if self.error:
            raise self.error
        self.made += wanted


class Store:
    """The preview's ids behind a database that can be down."""

    def __init__(self) -> None:
        self._ids: Any = PreviewStore()
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.error:
            raise self.error
        return getattr(self._ids, name)


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text(VALUES)
    return path


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def folders() -> Folders:
    return Folders()


@pytest.fixture
def site(values: Path, store: Store, folders: Folders) -> Site:
    return Site(LiveConfig(values), store, folders)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "reason", "status"),
    [
        (StoreUnavailable("the disk is gone"), "unavailable", 503),
        (RangeExhausted("all numbers are used"), "unavailable", 503),
        (IdConflict("120001 is bob's"), "identity", 403),
    ],
    ids=["database down", "no number left", "conflict"],
)
def test_without_an_id_nobody_gets_an_identity(
    site: Site, store: Store, error: Exception, reason: str, status: int
) -> None:
    assert site.identity("ann", frozenset()).uid == 120001
    store.error = error
    with pytest.raises(Rejected) as refused:
        site.identity("ann", frozenset())
    assert (refused.value.reason, refused.value.status) == (reason, status)
    assert str(error) not in refused.value.message, "what the database says is for administrators"


def test_while_declared_ids_can_not_be_registered_nobody_is_given_one(site: Site, store: Store) -> None:
    store.error = StoreUnavailable("down")
    for _ in range(2):
        with pytest.raises(Rejected, match="can't be looked up now"):
            site.identity("bob", frozenset())
    store.error = None
    assert site.identity("bob", frozenset()).uid not in (0, 120001)


@pytest.mark.parametrize("name", ["root", "a/b", "..", "a:b", "x" * 300, "", "a\nb"])
def test_names_that_are_not_for_people_get_no_identity(site: Site, name: str) -> None:
    with pytest.raises(Rejected) as refused:
        site.identity(name, frozenset())
    assert refused.value.status == 403


@pytest.mark.parametrize("error", [StorageError("full"), OSError(28, "full"), StoreUnavailable("down")])
async def test_without_folders_nothing_starts(site: Site, folders: Folders, error: Exception) -> None:
    folders.error = error
    with pytest.raises(Rejected, match="can't be prepared") as refused:
        await site.prepare(site.identity("ann", frozenset()))
    assert refused.value.status == 503


async def test_a_share_that_hangs_is_a_refusal_after_a_while(
    site: Site, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "_FOLDERS_WITHIN", 0.05)
    folders.hangs = 0.3
    with pytest.raises(Rejected, match="can't be prepared"):
        await site.prepare(site.identity("ann", frozenset()))


async def test_folders_of_the_person_and_of_their_groups_are_made(site: Site, folders: Folders) -> None:
    await site.prepare(site.identity("ann", frozenset()))
    assert {directory.path for directory in folders.made} >= {"home/ann", "shared/data"}


@pytest.fixture
def building_site(values: Path, store: Store, folders: Folders) -> Site:
    """A site whose people make environments in conda-store."""
    values.write_text(VALUES.replace("groups:", "environments: {provider: conda-store}, groups:"))
    return Site(LiveConfig(values), store, folders)  # type: ignore[arg-type]


async def test_where_people_make_environments_theirs_has_a_folder_before_a_pod_mounts_it(
    site: Site, building_site: Site, folders: Folders
) -> None:
    await site.prepare(site.identity("ann", frozenset()))
    made = {directory.path for directory in folders.made}
    await building_site.prepare(building_site.identity("ann", frozenset()))
    assert {directory.path for directory in folders.made} - made == {"environments/user-ann"}


def test_a_broken_file_changes_nothing_and_is_reported(site: Site, values: Path) -> None:
    before = site.config
    values.write_text("qhub: {profils: {}}\n")
    import logging

    site.refresh(logging.getLogger("test"))
    assert site.config is before
    assert "profils" in site.problems[0]
    values.write_text(VALUES)
    site.refresh(logging.getLogger("test"))
    assert site.problems == ()


def test_the_values_say_who_may_sign_in_and_who_is_admin(values: Path, site: Site) -> None:
    assert site.may_sign_in("ann")
    assert not site.may_sign_in("eve")
    assert site.admins == {"admin"}
    values.write_text("qhub: {users: {ann: {admin: true}}}\n")
    site.live.refresh()
    assert site.admins == {"ann"}
    assert not site.may_sign_in("admin")
    values.write_text("qhub: {}\n")
    site.live.refresh()
    assert site.may_sign_in("anybody")

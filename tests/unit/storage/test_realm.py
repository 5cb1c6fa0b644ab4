"""The share's mark: whose numeric ids it carries."""

import os
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from qhub_hub.identity import HighWater, RealmMismatch
from qhub_hub.storage import Provisioner, StorageError, claim_realm, read_realm


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Provisioner]:
    """A new share of whoever runs the tests."""
    root = tmp_path / "share"
    root.mkdir()
    with Provisioner(root, own_ids=False) as provisioner:
        yield provisioner


def test_a_new_share_has_no_mark_and_takes_the_first(share: Provisioner) -> None:
    assert read_realm(share) is None
    assert claim_realm(share, HighWater("prod", 100_005, 70_001)) == HighWater("prod", 100_005, 70_001)
    assert read_realm(share) == HighWater("prod", 100_005, 70_001)
    assert (share.root / ".qhub/realm.json").stat().st_mode & 0o7777 == 0o600


def test_the_highest_ids_only_grow_so_an_old_backup_shows(share: Provisioner) -> None:
    claim_realm(share, HighWater("prod", 100_050, 70_001))
    assert claim_realm(share, HighWater("prod", 100_003, 70_009)) == HighWater("prod", 100_050, 70_009)


def test_another_installation_is_refused_and_changes_nothing(share: Provisioner) -> None:
    claim_realm(share, HighWater("prod", 100_050))
    with pytest.raises(RealmMismatch, match="belong to the installation 'prod', this one is 'staging'"):
        claim_realm(share, HighWater("staging", 100_900))
    assert read_realm(share) == HighWater("prod", 100_050)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"realm": 3}',
        '{"realm": "a", "last_user_id": true}',
        '{"realm": "a", "x": 1}',
        "\udcff",
    ],
    ids=["empty", "cut", "list", "null", "number", "bool", "unknown", "bytes"],
)
def test_a_mark_that_is_not_ours_is_not_guessed_at(share: Provisioner, text: str) -> None:
    claim_realm(share, HighWater("prod"))
    mark = share.root / ".qhub/realm.json"
    mark.write_bytes(text.encode(errors="surrogateescape"))
    for attempt in (lambda: read_realm(share), lambda: claim_realm(share, HighWater("prod"))):
        with pytest.raises(StorageError, match="is not what QHub wrote there"):
            attempt()
    assert mark.read_bytes() == text.encode(errors="surrogateescape")


@pytest.mark.parametrize("name", ["realm.json", "realm.json.new", "realm.lock"])
def test_a_link_instead_of_the_mark_is_not_followed(share: Provisioner, name: str) -> None:
    victim = share.root.parent / "victim"
    victim.write_text("precious")
    claim_realm(share, HighWater("prod"))
    (share.root / ".qhub" / name).unlink(missing_ok=True)
    (share.root / ".qhub" / name).symlink_to(victim)
    with pytest.raises(StorageError, match="symbolic link"):
        claim_realm(share, HighWater("prod"))
    assert victim.read_text() == "precious"


def test_a_pipe_instead_of_the_mark_does_not_hang(share: Provisioner) -> None:
    claim_realm(share, HighWater("prod"))
    (share.root / ".qhub/realm.json").unlink()
    os.mkfifo(share.root / ".qhub/realm.json")
    with pytest.raises(StorageError, match="is not a file"):
        read_realm(share)


def _claim(job: tuple[Path, int]) -> None:
    root, number = job
    with Provisioner(root, own_ids=False) as share:
        claim_realm(share, HighWater("prod", 100_000 + number))


def test_writers_at_the_same_time_never_lower_the_mark(share: Provisioner) -> None:
    with get_context("fork").Pool(4) as pool:
        pool.map(_claim, [(share.root, number) for number in range(40)], chunksize=1)
    assert read_realm(share) == HighWater("prod", 100_039)

"""A restore on a share: a fresh install gives way, people's files do not."""

from pathlib import Path

import pytest

from qhub_hub.cli.archive.share import prepare
from qhub_hub.cli.console import CommandError
from qhub_hub.identity import HighWater
from qhub_hub.storage import Provisioner, claim_realm

BACKUP = HighWater("ours", 100_007, 70_001)


def marked(root: Path, realm: str, user: int = 0) -> None:
    with Provisioner(root, own_ids=False) as share:
        claim_realm(share, HighWater(realm, user, 0))


def test_the_mark_of_an_install_that_nobody_used_gives_way(tmp_path: Path) -> None:
    marked(tmp_path, "fresh")
    (tmp_path / "shared/everyone").mkdir(parents=True)
    assert prepare(tmp_path, BACKUP)["mark"] == {"realm": "ours", "last_user_id": 100_007, "last_group_id": 70_001}
    assert not (tmp_path / "shared/everyone").exists()  # made anew with the number of the backup


@pytest.mark.parametrize("used", ["home/ann", "shared/data/notes"])
def test_files_of_another_installation_are_no_ones_to_take(tmp_path: Path, used: str) -> None:
    marked(tmp_path, "theirs", 100_003)
    (tmp_path / used).mkdir(parents=True)
    with pytest.raises(CommandError, match="'theirs'"):
        prepare(tmp_path, BACKUP)
    assert (tmp_path / used).is_dir()
    assert '"theirs"' in (tmp_path / ".qhub/realm.json").read_text()


def test_a_share_that_is_newer_says_up_to_where_and_whose_folders(tmp_path: Path) -> None:
    marked(tmp_path, "ours", 100_020)
    (tmp_path / "home/zoe").mkdir(parents=True)
    answer = prepare(tmp_path, BACKUP)
    assert answer["mark"]["last_user_id"] == 100_020
    assert answer["owners"]["home"] == {"zoe": (tmp_path / "home/zoe").stat().st_uid}

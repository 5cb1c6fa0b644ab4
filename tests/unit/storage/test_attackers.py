"""Other people on the same share: real user ids, real attacks, several writers at once."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from qhub_hub.identity.model import Group, Identity
from qhub_hub.storage import Provisioner, UnsafePath, directories, group_directory

pytestmark = pytest.mark.root

ML = Group("ml", "ml", 70_001, "ml")
ALL = Group("all", "all", 70_002, "all")
ANN = Identity("ann", "ann", 100_001, 100_001, (ML, ALL), "ann", "/home/ann")
BOB = Identity("bob", "bob", 100_002, 100_002, (ML, ALL), "bob", "/home/bob")
EVE = Identity("eve", "eve", 100_003, 100_003, (ALL,), "eve", "/home/eve")
PEOPLE = 200


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Provisioner]:
    """A share on which ann and bob are in `ml`, eve is not, and all are in `all`."""
    root = tmp_path / "share"
    root.mkdir()
    with Provisioner(root, own_ids=True) as provisioner:
        for person in (ANN, BOB, EVE):
            provisioner.ensure(directories(person, frozenset({"all"})))
        yield provisioner


def acting_as(person: Identity, share: Provisioner, deed: Callable[[], object]) -> type[BaseException] | None:
    """Do the deed in a child process that is this person, inside the share; the error it met, or None."""
    child = os.fork()
    if child == 0:
        code = 100
        try:
            # Below pytest's private folder nobody else can walk; the working directory spares them the way.
            os.chdir(share.root)
            os.setgroups(person.gids)
            os.setresgid(person.gid, person.gid, person.gid)
            os.setresuid(person.uid, person.uid, person.uid)
            os.umask(0o002)
            deed()
            code = 0
        except OSError as error:
            code = error.errno or 101
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code < 100, "the child broke for another reason"
    return type(OSError(code, "")) if code else None


def write(path: str) -> Callable[[], object]:
    return lambda: Path(path).write_text("x")


def test_members_write_each_others_files_in_the_group_folder(share: Provisioner) -> None:
    assert acting_as(ANN, share, write("shared/ml/plan.txt")) is None
    status = (share.root / "shared/ml/plan.txt").stat()
    assert (status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))) == (100_001, 70_001, "0o664")
    assert acting_as(BOB, share, write("shared/ml/plan.txt")) is None


def test_folders_made_in_a_group_folder_belong_to_the_group_too(share: Provisioner) -> None:
    assert acting_as(ANN, share, lambda: os.makedirs("shared/ml/a/b")) is None
    status = (share.root / "shared/ml/a/b").stat()
    assert (status.st_gid, oct(stat.S_IMODE(status.st_mode))) == (70_001, "0o2775")
    assert acting_as(BOB, share, write("shared/ml/a/b/c")) is None


@pytest.mark.parametrize(
    "deed",
    [
        lambda: os.listdir("shared/ml"),
        write("shared/ml/x"),
        lambda: os.listdir("home"),
        lambda: os.listdir("home/ann"),
        lambda: os.listdir(".qhub"),
        lambda: os.mkdir("shared/mine"),
        lambda: os.rename("shared/all", "shared/mine"),
        lambda: os.symlink("../home/ann", "shared/link"),
    ],
    ids=["list-group", "write-group", "list-homes", "list-home", "marks", "new-folder", "rename", "link"],
)
def test_a_stranger_is_kept_out(share: Provisioner, deed: Callable[[], object]) -> None:
    assert acting_as(EVE, share, deed) is PermissionError


def test_in_the_folder_of_everyone_nobody_removes_anothers_file(share: Provisioner) -> None:
    assert acting_as(ANN, share, write("shared/all/notes")) is None
    assert acting_as(EVE, share, lambda: os.unlink("shared/all/notes")) is PermissionError
    assert acting_as(ANN, share, lambda: os.unlink("shared/all/notes")) is None


def test_a_link_planted_where_a_folder_is_made_next_is_never_followed(share: Provisioner) -> None:
    # The takeover of QHub 2020 (facts §1): the parent was writable, a member put a link to a victim's home in
    # place of the folder, and root's next chmod and chown gave the home away. Here the parent is opened up on
    # purpose.
    (share.root / "shared").chmod(0o777)

    def plant() -> None:
        os.rename("shared/ml", "shared/ml.old")
        os.symlink("../home/ann", "shared/ml")

    assert acting_as(BOB, share, plant) is None
    before = (share.root / "home/ann").stat()
    with pytest.raises(UnsafePath):
        share.ensure([group_directory(ML)])
    after = (share.root / "home/ann").stat()
    assert (after.st_uid, after.st_gid, after.st_mode, after.st_ctime_ns) == (
        before.st_uid,
        before.st_gid,
        before.st_mode,
        before.st_ctime_ns,
    )


def test_links_inside_a_home_change_nothing_outside_it(share: Provisioner) -> None:
    assert acting_as(BOB, share, lambda: os.symlink("../ann", "home/bob/door")) is None
    assert set(share.ensure(directories(BOB, frozenset({"all"})))) == {"kept"}
    assert (share.root / "home/ann").stat().st_uid == ANN.uid


def provision(root: Path) -> list[str]:
    """What one of the racing writers does."""
    with Provisioner(root, own_ids=True) as share:
        return [
            outcome
            for number in range(PEOPLE)
            for outcome in share.ensure(
                directories(
                    Identity(
                        f"u{number}",
                        f"u{number}",
                        110_000 + number,
                        110_000 + number,
                        (ML,),
                        f"u{number}",
                        "/h",
                    )
                )
            )[3:4]
        ]


def test_eight_racing_writers_make_each_home_once_and_right(tmp_path: Path) -> None:
    root = tmp_path / "share"
    root.mkdir()
    with get_context("fork").Pool(8) as pool:
        outcomes = Counter(outcome for part in pool.map(provision, [root] * 8) for outcome in part)
    assert outcomes["created"] == PEOPLE
    assert outcomes.total() == 8 * PEOPLE
    for number in range(PEOPLE):
        status = (root / f"home/u{number}").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (
            110_000 + number,
            110_000 + number,
            0o700,
        )
    assert (root / "shared/ml").stat().st_mode & 0o7777 == 0o2770
    assert len(os.listdir(root / "home")) == PEOPLE

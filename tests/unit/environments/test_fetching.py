"""Packages are fetched whole or not at all, kept as nobody else can change them, and drafts of others do no harm."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

# Threads of py-rattler outlive it and end the interpreter badly (0.28), so it works in a child.
BEGIN = """
import asyncio, errno, json, os, sys
from pathlib import Path
from rattler import PackageRecord, RepoDataRecord
from qhub_hub.environments import fetching, installing
fetching._PAUSE = 0
root = Path(sys.argv[1])
def say(answer):
    print(json.dumps(answer), flush=True)
def record(**hashes):
    found = PackageRecord.from_index_json(root / "index.json", **hashes)
    return RepoDataRecord(found, "x-1-0.tar.bz2", f"file://{root}/x-1-0.tar.bz2", f"file://{root}")
async def fetch(one, draft):
    return await fetching.fetch([one], root / "packages", draft, lambda done, total: None)
"""
FETCH = """
from qhub_hub.environments.worker import _sentence
with installing.draft_in(root) as draft:
    try:
        asyncio.run(fetch(record(**json.loads(sys.argv[2])), draft))
        say([None, None, len(list(draft.iterdir()))])
    except Exception as error:
        problem = _sentence(error, root)
        say([str(problem), problem.again, len(list(draft.iterdir()))])
"""


def child(root: Path, code: str, *words: str) -> list[object]:
    """What code says that has py-rattler."""
    command = [sys.executable, "-P", "-c", BEGIN + code + "\nos._exit(0)\n", str(root), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answer: list[object] = json.loads(done.stdout)
    return answer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a package that is to be fetched."""
    index = {"name": "x", "version": "1", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    (tmp_path / "index.json").write_text(json.dumps(index))
    with tarfile.open(tmp_path / "x-1-0.tar.bz2", "w:bz2", compresslevel=1) as archive:
        for name, text in (("info/index.json", json.dumps(index)), ("share/x", "x" * 100_000)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return tmp_path


@pytest.mark.parametrize("name", ["md5", "sha256"])
def test_another_package_than_the_listed_one_is_named(root: Path, name: str) -> None:
    found = hashlib.new(name, (root / "x-1-0.tar.bz2").read_bytes(), usedforsecurity=False).hexdigest()
    other = "0" * len(found)
    sentence = (
        f"x-1-0.tar.bz2 is not the package that the channel lists: its {name} is {found}, and {other} was expected."
    )
    assert child(root, FETCH, json.dumps({name: other})) == [sentence, True, 0]
    assert not (root / "packages").exists()
    assert child(root, FETCH, json.dumps({name: found}))[0] is None


def test_a_failed_try_leaves_nothing_for_the_next_one(root: Path) -> None:
    whole = (root / "x-1-0.tar.bz2").read_bytes()
    (root / "x-1-0.tar.bz2").write_bytes(whole[: len(whole) // 2])
    sentence, again, left = child(root, FETCH, "{}")
    assert (sentence, again, left) == (
        "A package could not be fetched or unpacked; the log has the reason.",
        True,
        0,
    )


FULL = """
tries = []
async def full(*words):
    tries.append(words)
    words[2].mkdir()
    raise OSError("an io error occurred: failed to unpack `x`: said the system (os error %d)" % int(sys.argv[3]))
fetching.download_and_extract = full
""" + FETCH.replace("len(list(draft.iterdir()))", "len(tries)")


@pytest.mark.parametrize(
    ("number", "sentence", "tries"),
    [
        (28, "The disk is full.", 1),
        (122, "The disk is full.", 1),
        (5, "A package could not be fetched or unpacked; the log has the reason.", 3),
    ],
    ids=["no space", "quota", "another error"],
)
def test_a_full_disk_is_tried_no_further(root: Path, number: int, sentence: str, tries: int) -> None:
    assert child(root, FULL, "{}", str(number)) == [sentence, True, tries]


SLOW = """
tries = []
async def slow(*words):
    tries.append(words)
    await asyncio.sleep(3600)
fetching.download_and_extract, fetching.LONGEST = slow, 0.01
""" + FETCH.replace("len(list(draft.iterdir()))", "len(tries)")


def test_a_package_that_never_ends_is_given_up(root: Path) -> None:
    assert child(root, SLOW, "{}")[1:] == [True, 3]


KEEP = """
os.umask(0o022)
installing.keep(root / "draft", root / "packages/x")
say([])
"""


def test_a_kept_package_is_changed_by_its_owner_only(root: Path) -> None:
    outside, draft = root / "outside", root / "draft"
    outside.write_text("x")
    outside.chmod(0o666)
    (draft / "closed").mkdir(parents=True)
    wanted = {
        "all": (0o777, 0o755),
        "write": (0o666, 0o644),
        "ids": (0o6755, 0o755),
        "mine": (0o700, 0o700),
        "none": (0, 0o600),
    }
    for name, (mode, _) in wanted.items():
        for folder in (draft, draft / "closed"):
            (folder / name).write_text("x")
            (folder / name).chmod(mode)
    (draft / "link").symlink_to(outside)
    (draft / "closed").chmod(0o022)
    draft.chmod(0o3777)
    child(root, KEEP)
    kept = root / "packages/x"
    assert [path.stat().st_mode & 0o7777 for path in (kept, kept / "closed")] == [0o755, 0o700]
    for folder in (kept, kept / "closed"):
        assert {name: (folder / name).stat().st_mode & 0o7777 for name in wanted} == {
            name: mode for name, (_, mode) in wanted.items()
        }
    assert outside.stat().st_mode & 0o777 == 0o666


DRAFTS = """
real = {name: getattr(Path, name) for name in ("lstat", "chmod")}
def gone(self, *words, **more):
    if self.name == "gone":
        raise FileNotFoundError(errno.ENOENT, "gone", str(self))
    return real["lstat"](self, *words, **more)
def foreign(self, *words, **more):
    if "foreign" in self.parts:
        raise PermissionError(errno.EPERM, "not yours", str(self))
    return real["chmod"](self, *words, **more)
Path.lstat, Path.chmod = gone, foreign
with installing.draft_in(root) as draft:
    (draft / "view").mkdir()
say(sorted(path.name for path in (root / "drafts").iterdir()))
"""


def test_drafts_that_go_meanwhile_or_are_somebody_elses_fail_no_build(root: Path) -> None:
    for name in ("foreign", "gone", "new", "old"):
        (root / "drafts" / name / "view").mkdir(parents=True)
    (root / "drafts/foreign/view/x").touch()
    for name in ("foreign", "old"):
        os.utime(root / "drafts" / name, (0, time.time() - 100_000))
    assert "old" not in child(root, DRAFTS)
    assert (root / "drafts/new").exists()

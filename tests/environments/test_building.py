"""Builds of real packages: in force when whole, never seen when not, and a sentence for everything that goes wrong."""

import http.server
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.environments import read_manifest
from qhub_hub.environments.access import BUILDER
from qhub_hub.environments.builds import BuildError
from qhub_hub.testing.conda_channel import Package, make_channel
from qhub_hub.testing.waiting import eventually


def test_a_build_is_in_force_with_its_lock_file_its_log_and_its_entry(place) -> None:
    done = place.build("global/one", "tiny >=1,<2")
    assert (done.status, done.packages) == ("ready", {"tiny": "1.0"})
    assert (place.prefix("global/one") / "share/tiny").read_text() == "one"
    folder = place.builds.folder("global", "one")
    assert (folder / f"{done.key}.lock.txt").read_text().splitlines()[1:] == [
        "@EXPLICIT",
        next(line for line in (folder / f"{done.key}.lock.txt").read_text().splitlines() if "tiny-1.0" in line),
    ]
    log = (folder / f"{done.key}.log").read_text()
    assert "Solving 1 requirements" in log
    assert any("Installed 1 of 1" in said for said in place.said)
    (entry,) = read_manifest(place.builds.namespace("global"))
    assert (entry.key, entry.status, entry.prefix, entry.build) == (
        "global/one",
        "ready",
        str(place.prefix("global/one")),
        done.key,
    )
    assert entry.size > 0


def test_a_failed_rebuild_leaves_the_build_before_in_force_and_says_why(place) -> None:
    place.build("global/one", "tiny=1.0")
    before = place.prefix("global/one")
    assert place.build("global/one", "tiny", "nosuchpackage").status == "failed"
    assert place.prefix("global/one") == before
    (entry,) = read_manifest(place.builds.namespace("global"))
    assert (entry.status, entry.prefix) == ("ready", str(before))
    assert entry.message == f"nosuchpackage is in none of the channels {place.channel}."
    assert place.build("global/one", "tiny=2.0").status == "ready"
    assert (before / "share/tiny").read_text() == "one", "programs that run from the one before go on"
    assert read_manifest(place.builds.namespace("global"))[0].message == ""


@pytest.mark.parametrize(
    ("dependencies", "sentence"),
    [
        (["nosuchpackage"], "nosuchpackage is in none of the channels"),
        (["tiny=99"], "can't be installed together"),
        (["tiny=2", "needs-old-tiny"], "can't be installed together"),
    ],
    ids=["unknown", "no such version", "contradiction"],
)
def test_what_can_not_be_solved_is_said_in_a_sentence(place, dependencies: list[str], sentence: str) -> None:
    done = place.build("global/one", *dependencies)
    assert sentence in done.message
    assert not done.again, "it would fail the same way"
    (entry,) = read_manifest(place.builds.namespace("global"))
    assert (entry.status, entry.prefix) == ("failed", "")
    assert [path.name for path in place.builds.folder("global", "one").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/conda", "file:///nowhere/at/all"], ids=["down", "missing"])
def test_a_channel_that_is_away_is_named_and_tried_again_later(place, address: str) -> None:
    done = place.build("global/one", "tiny", channel=address)
    assert done.message == f"A channel can't be read now: {address}. Is it down, or its address wrong?"
    assert done.again


@pytest.fixture
def failing_channel(channel: str) -> Iterator[str]:
    """The channel over HTTP, which goes down between its index and its packages."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=channel.removeprefix("file://"))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.path.endswith(".conda"):
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                self.wfile.write(b"half of it")
                self.close_connection = True
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_channel_that_goes_down_mid_download_leaves_nothing_half(place, failing_channel: str) -> None:
    done = place.build("global/one", "tiny", channel=failing_channel)
    assert done.message == "A package could not be fetched or unpacked; the log has the reason."
    assert done.again
    assert place.builds.current("global", "one") == ""
    assert [path.name for path in place.builds.folder("global", "one").iterdir() if path.is_dir()] == []


def test_what_does_not_fit_the_quota_is_not_kept(place) -> None:
    assert "may still be used" in place.build("global/one", "tiny", quota=100).message
    assert "were left for it" in place.build("global/two", "big", quota=2_000_000).message
    assert place.builds.size("global") == 0
    place.build("global/three", "tiny")
    with pytest.raises(BuildError, match=r"take .* of 1 B"):
        place.build("global/four", "tiny", quota=1)


def test_nothing_is_built_while_the_disk_is_nearly_full(place) -> None:
    with pytest.raises(BuildError, match="are free on the disk"):
        place.build("global/one", "tiny", min_free=2**60)


@pytest.mark.root
def test_a_disk_that_fills_up_is_said_in_a_sentence(place) -> None:
    place.builds.root.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place.builds.root], check=True)
    try:
        done = place.build("global/one", "big")
        assert "The disk is full." in done.message or "may still be used" in done.message
        assert done.again
        assert place.builds.current("global", "one") == ""
    finally:
        subprocess.run(["umount", place.builds.root], check=True)


@pytest.mark.root
def test_a_disk_that_is_full_only_until_a_failed_build_is_cleared_away_was_full(place, open_folder: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o755)
    address = make_channel(folder, [Package("huge", files={"share/huge": "x" * 50_000_000})])
    place.builds.root.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", place.builds.root], check=True)
    try:
        done = place.build("global/one", "huge", channel=address)
        assert (done.message, done.again) == ("The disk is full.", True)
    finally:
        subprocess.run(["umount", place.builds.root], check=True)


BUILD = """
import os, sys
from pathlib import Path
from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.specification import Specification
root, channel, *dependencies = sys.argv[1:]
build(Builds(Path(root)), Specification("global", "one", (channel,), tuple(dependencies)),
      Access(True, own_ids=os.geteuid() == 0), Room(2**40, 0), lambda text: print(text, flush=True))
"""


def workers(root: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.readlink(entry / "cwd").startswith(f"{root}/"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("victim", ["builder", "worker"])
def test_a_killed_build_is_never_seen_and_leaves_no_process(place, victim: str) -> None:
    place.build("global/one", "tiny=1.0")
    command = [sys.executable, "-c", BUILD, str(place.builds.root), place.channel, "python", "ipykernel"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Installed"):
                break
        with pytest.raises(BuildError, match="is being built already"):
            place.build("global/one", "tiny=2.0")
        if victim == "builder":
            process.kill()
        else:
            for pid in workers(place.builds.root):
                os.kill(pid, signal.SIGKILL)
        process.stdout.read()
    eventually(lambda: not workers(place.builds.root), what="the worker outlived whoever asked for the build")
    assert (place.prefix("global/one") / "share/tiny").read_text() == "one"
    (entry,) = read_manifest(place.builds.namespace("global"))
    assert entry.status == "ready"
    if victim == "worker":
        assert entry.message == "The build was ended before it was done (killed, or out of memory)."
    place.build("global/one", "tiny=2.0")
    whole = {build.key for build in place.builds.records("global", "one") if build.status == "ready"}
    left = {path.name for path in place.builds.folder("global", "one").iterdir() if path.is_dir()}
    assert left == whole, "what the killed build left is gone"


@pytest.mark.root
def test_packages_are_installed_by_a_user_of_their_own_and_people_can_not_change_them(place) -> None:
    place.build("global/one", "tiny")
    prefix = place.prefix("global/one")
    for path in [prefix, *prefix.rglob("*")]:
        state = path.lstat()
        assert state.st_uid == BUILDER
        assert stat.S_ISLNK(state.st_mode) or not state.st_mode & 0o022
    for path in (place.builds.root, place.builds.namespace("global"), place.builds.folder("global", "one")):
        assert (path.stat().st_uid, path.stat().st_mode & 0o022) == (0, 0), "the user of builds can't plant links here"


def reads(path: Path, gids: list[int]) -> bool:
    command = ["cat", str(path)]
    ended = subprocess.run(command, user=120_001, group=120_001, extra_groups=gids, capture_output=True)
    return ended.returncode == 0


@pytest.mark.root
def test_only_members_read_what_is_their_groups(place) -> None:
    place.build("group-data/one", "tiny", gid=70_123)
    for path in (
        place.prefix("group-data/one") / "share/tiny",
        place.builds.namespace("group-data") / ".qhub-envs.json",
    ):
        assert reads(path, [70_123])
        assert not reads(path, [70_124])
        assert not reads(path, [])

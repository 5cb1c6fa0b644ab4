"""Memory and processor limits: real control groups as root, made-up ones for version 2, resource limits elsewhere."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.hub.resource_limits import CGROUPS, ControlGroups, ProcessLimits, describe, find_limiter

MIB = 1 << 20
NAME = f"qhub-test-{os.getpid()}"

# Waits for a line, so that it can be put into its group first; then takes 200 MiB and touches every page.
GREEDY = "input(); b = bytearray(200 << 20); b[::4096] = b'x' * len(b[::4096]); print('had it')"


def program(text: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
def real() -> Iterator[ControlGroups]:
    """This machine's control groups; everything that the test made is gone afterwards."""
    limiter = find_limiter(NAME)
    if not isinstance(limiter, ControlGroups):
        pytest.skip("control groups can't be written here")
    yield limiter
    for name in limiter.names():
        limiter.release(name)
    limiter.close()
    assert not list(CGROUPS.glob(f"**/{NAME}"))


@pytest.mark.root
@pytest.mark.parametrize(("limit", "output"), [(64 * MIB, ""), (512 * MIB, "had it\n"), (None, "had it\n")])
def test_more_memory_than_allowed_ends_the_process(real: ControlGroups, limit: int | None, output: str) -> None:
    with program(GREEDY) as process:
        real.apply("server-1", process.pid, limit, None)
        assert process.pid in real.members("server-1")
        assert process.communicate("\n")[0] == output
        assert process.returncode == (0 if output else -9)


@pytest.mark.root
def test_the_processor_is_shared_out(real: ControlGroups) -> None:
    # A tenth of a core: 0.06 s of work take about 0.6 s.
    text = (
        "import time; input(); t = time.monotonic()\n"
        "while time.process_time() < 0.06: pass\nprint(time.monotonic() - t)"
    )
    with program(text) as process:
        real.apply("server-1", process.pid, None, 0.1)
        assert float(process.communicate("\n")[0]) > 0.25


@pytest.mark.root
def test_limits_can_be_set_again_higher_and_lower_and_are_gone_when_released(real: ControlGroups) -> None:
    for limit in (100 * MIB, 400 * MIB, None, 50 * MIB):
        with program("input()") as process:
            real.apply("server-1", process.pid, limit, 0.0001)
            process.communicate("\n")
    assert real.names() == ("server-1",)
    real.release("server-1")
    assert real.names() == ()
    real.release("server-1")


@pytest.mark.root
def test_a_group_that_holds_processes_is_not_forgotten(real: ControlGroups) -> None:
    with program("input()") as process:
        real.apply("server-1", process.pid, None, None)
        real.release("server-1")
        real.close()
        assert real.members("server-1") == {process.pid}
        process.communicate("\n")


@pytest.mark.root
def test_a_process_that_is_gone_already_is_no_error(real: ControlGroups) -> None:
    process = program("")
    process.communicate()
    real.apply("server-1", process.pid, MIB, 1)


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders that look like cgroup v2."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return tmp_path


def made(folder: Path, name: str) -> ControlGroups:
    """A limiter on made-up folders, with the files that the kernel would put into a new group."""
    limiter = find_limiter(NAME, folder)
    assert isinstance(limiter, ControlGroups)
    group = limiter.memory / name
    group.mkdir()
    (group / "memory.swap.max").write_text("max")
    return limiter


@pytest.mark.parametrize(
    ("memory", "cores", "expected"),
    [
        (2 * MIB, 1.5, ("2097152", "0", "150000 100000")),
        (None, None, ("max", "max", "max 100000")),
        (2 * MIB, 0.001, ("2097152", "0", "1000 100000")),
    ],
    ids=["both", "none", "less than the kernel takes"],
)
def test_version_2_gets_its_own_words(
    unified: Path, memory: int | None, cores: float | None, expected: tuple[str, str, str]
) -> None:
    limiter = made(unified, "server-1")
    limiter.apply("server-1", 4711, memory, cores)
    group = unified / NAME / "server-1"
    assert (unified / NAME / "cgroup.subtree_control").read_text() == "+memory +cpu"
    written = tuple((group / name).read_text() for name in ("memory.max", "memory.swap.max", "cpu.max"))
    assert written == expected
    assert limiter.members("server-1") == {4711}
    assert limiter.notice == ""


def test_version_2_without_the_controllers_is_not_used(unified: Path) -> None:
    (unified / "cgroup.controllers").write_text("pids\n")
    assert isinstance(find_limiter(NAME, unified), ProcessLimits)


def test_without_root_or_groups_processes_limit_themselves_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(find_limiter(NAME, tmp_path), ProcessLimits)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    limiter = find_limiter(NAME)
    assert isinstance(limiter, ProcessLimits)
    assert "processor limits not" in limiter.notice
    assert limiter.inside(5) == {resource.RLIMIT_DATA: 5}
    assert limiter.inside(None) == {}
    limiter.apply("server-1", 1, 5, 1)
    assert (limiter.names(), limiter.members("server-1")) == ((), frozenset())


@pytest.mark.parametrize(
    ("limiter", "expected"),
    [
        (ProcessLimits(), "2 MiB for each process"),
        (ControlGroups(Path("/nowhere"), Path("/nowhere"), version=2), "1.5 cores, 2 MiB"),
    ],
    ids=["processes", "groups"],
)
def test_the_log_says_what_really_holds(limiter: ProcessLimits | ControlGroups, expected: str) -> None:
    assert describe(limiter, 2 * MIB, 1.5) == expected
    assert describe(limiter, None, None) == "none"

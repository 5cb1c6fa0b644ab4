"""A server's process does nothing before its limits hold."""

import os
import resource
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from qhub_hub.hub.held import Surroundings, give_up, hold, last_words, let_go
from qhub_hub.sessions import Process

Held = Callable[..., "Popen[bytes]"]


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """Make a process; `tmp_path/log` gets its output."""

    def make(*argv: str, limits: dict[int, int] | None = None, env: dict[str, str] | None = None) -> "Popen[bytes]":
        process = Process(argv, {}, 0, 0, (), 0o027, tmp_path, None, None)
        variables = {"PATH": os.environ["PATH"], **(env or {})}
        return hold(process, Surroundings((), variables, tmp_path / "log", limits or {}, own_ids=False))

    return make


def test_nothing_runs_before_the_word_and_then_under_the_same_pid(held: Held, tmp_path: Path) -> None:
    process = held("sh", "-c", "echo $$ > began; read line; echo end:$line")
    assert process.poll() is None
    let_go(process)
    assert process.wait(5) == 0
    assert (tmp_path / "began").read_text() == f"{process.pid}\n"
    assert (tmp_path / "log").read_text() == "end:\n", "standard input is empty"
    assert stat.S_IMODE((tmp_path / "began").stat().st_mode) == 0o640


def test_given_up_it_never_runs(held: Held, tmp_path: Path) -> None:
    process = held("touch", "began")
    give_up(process)
    assert process.returncode == 1
    assert not (tmp_path / "began").exists()


def test_limits_hold_from_the_first_instruction_but_never_rise(held: Held, tmp_path: Path) -> None:
    low = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    process = held(
        "sh", "-c", "ulimit -n; ulimit -c", limits={resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: low * 2}
    )
    let_go(process)
    process.wait(5)
    assert (tmp_path / "log").read_text().split() == [str(low), "0"]


def test_memory_beyond_the_limit_is_refused(held: Held, tmp_path: Path) -> None:
    process = held(sys.executable, "-S", "-c", "bytearray(1 << 30)", limits={resource.RLIMIT_DATA: 256 << 20})
    let_go(process)
    assert process.wait(5) == 1
    assert "MemoryError" in (tmp_path / "log").read_text()


def test_a_command_that_does_not_exist_says_so_in_the_log(held: Held, tmp_path: Path) -> None:
    process = held("no-such-program")
    let_go(process)
    assert process.wait(5) == 126
    assert (tmp_path / "log").read_text() == "no-such-program can't be run: No such file or directory\n"


def test_the_owners_files_and_variables_change_nothing_before_the_command(held: Held, tmp_path: Path) -> None:
    for name in ("os.py", "resource.py", "sitecustomize.py", "usercustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('planted')")
    process = held("true", env={"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "os.py")})
    let_go(process)
    assert process.wait(5) == 0
    assert (tmp_path / "log").read_text() == ""


def test_the_log_is_closed_to_others_and_never_a_link(held: Held, tmp_path: Path) -> None:
    process = held("true")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    give_up(process)
    (tmp_path / "log").unlink()
    (tmp_path / "log").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        held("true")
    assert not (tmp_path / "precious").exists()


def test_last_words_are_short_and_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 5_000_000 + b"\n\x1b]0;owned\x07[E fake] hub is down\n\xff\n")
    words = last_words(log)
    assert len(words) < 3000
    assert "\x1b" not in words
    assert all(line.startswith("  | ") for line in words.splitlines())
    assert last_words(tmp_path / "missing") == "(its log can't be read)"

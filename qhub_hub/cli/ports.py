"""Ports on the loopback address: the one people use is theirs to choose, the others stay the same between starts."""

import json
import os
import socket
from pathlib import Path

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.state import told, write_closed


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as trial:
        # As servers do it: a port whose last connection is still fading away counts as free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Say so while it can still be said in a sentence.

    Raises:
        CommandError: the port is taken, or not for this user.
    """
    if port < 1024 and os.geteuid() != 0:
        raise CommandError(f"Port {port} is for root only.\nhint: choose one above 1023, such as --port 8000.")
    if not is_free(port):
        raise CommandError(
            f"Port {port} on 127.0.0.1 is taken by another program.\n"
            f"hint: stop that program (find it with: ss -ltnp 'sport = :{port}'), or choose another: "
            f"--port {_any_free({port})}"
        )


def kept_ports(path: Path, names: tuple[str, ...], reserved: int) -> dict[str, int]:
    """Ports that servers surviving a crash of the hub know it by; new ones where the old are taken.

    Args:
        path: file that keeps them.
        names: what they are for.
        reserved: the port that people use.

    Raises:
        CommandError: the file can't be written.
    """
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        kept = {}
    ports: dict[str, int] = {}
    for name in names:
        port: object = kept.get(name) if isinstance(kept, dict) else None
        taken = {reserved, *ports.values()}
        if isinstance(port, int) and 1023 < port < 65536 and port not in taken and is_free(port):
            ports[name] = port
        else:
            ports[name] = _any_free(taken)
    if ports != kept:
        with told(f"The ports can't be kept in {path}"):
            write_closed(path, json.dumps(ports))
    return ports


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            port: int = trial.getsockname()[1]
        if port not in taken:
            return port

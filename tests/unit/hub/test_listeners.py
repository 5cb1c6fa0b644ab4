"""Whose program listens on a port."""

import os
import socket
import subprocess
import sys

import pytest

from qhub_hub.hub.listeners import listening_users


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")],  # noqa: S104 - to be found
)
def test_who_listens_is_found_and_nobody_on_a_closed_port(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = listener.getsockname()[1]
        assert listening_users(port) == frozenset(), "bound is not yet listening"
        listener.listen()
        assert listening_users(port) == {os.geteuid()}
    assert listening_users(port) == frozenset()


@pytest.mark.root
def test_another_users_program_is_told_from_ours() -> None:
    text = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=65534
    ) as other:
        assert other.stdout is not None
        assert listening_users(int(other.stdout.readline())) == {65534}
        other.communicate("\n")

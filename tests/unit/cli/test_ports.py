"""Ports: a taken one is said in a sentence, the hub's own stay the same between starts."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.ports import is_free, kept_ports, require_free

NAMES = ("hub", "proxy-api")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def test_a_taken_port_is_named_with_another_that_is_free(taken: int) -> None:
    assert not is_free(taken)
    with pytest.raises(CommandError) as refused:
        require_free(taken)
    assert f"Port {taken} on 127.0.0.1 is taken" in str(refused.value)
    assert is_free(int(str(refused.value).rpartition("--port ")[2]))


def test_low_ports_are_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="Port 80 is for root only"):
        require_free(80)


def test_ports_stay_the_same_and_differ_from_each_other_and_from_peoples(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = kept_ports(path, NAMES, 8000)
    assert len({8000, *first.values()}) == 3
    assert kept_ports(path, NAMES, 8000) == first
    moved = kept_ports(path, NAMES, first["hub"])
    assert moved["hub"] != first["hub"]
    assert moved["proxy-api"] == first["proxy-api"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "ports.json"
    path.write_text(json.dumps({"hub": taken, "proxy-api": taken}))
    ports = kept_ports(path, NAMES, 8000)
    assert taken not in ports.values()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"hub": "22"}', '{"hub": true}', '{"hub": 22}', '{"hub": 99999}', '{"hub": -1}', "\xff"],
)
def test_whatever_is_in_the_file_ports_are_usable(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_bytes(text.encode("latin-1"))
    assert all(1023 < port < 65536 for port in kept_ports(path, NAMES, 8000).values())
    assert set(json.loads(path.read_text())) == set(NAMES)


def test_a_folder_that_is_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The ports can't be kept"):
        kept_ports(tmp_path / "gone/ports.json", NAMES, 8000)

"""Inside a server: `id`, `whoami` and `ls -l` tell the truth, and the kernel holds people to it."""

from collections.abc import Callable

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.terminal import type_into_terminal

pytestmark = pytest.mark.root


@pytest.fixture
def started(sign_in: Callable[[str], Person]) -> Callable[[str], Callable[[str], str]]:
    """Sign somebody in, start their server; gives a function that runs a shell command there."""

    def start(name: str) -> Callable[[str], str]:
        person = sign_in(name)
        assert person.start().status_code in (201, 202)
        return lambda command: type_into_terminal(person, command)

    return start


def test_ids_are_the_planned_ones_and_names_resolve(started: Callable[[str], Callable[[str], str]]) -> None:
    ann = started("ann")
    assert ann("id -u; id -g; whoami; echo $USER") == "120001\n120001\nann\nann"
    groups = dict(zip(ann("id -Gn").split(), map(int, ann("id -G").split()), strict=True))
    assert groups.pop("ann") == 120001
    assert "data" in groups
    assert all(70_000 <= gid < 100_000 for gid in groups.values())
    assert ann("getent passwd ann | cut -d: -f5") == "Ann Example"
    assert ann("umask") == "0002"
    assert ann("cd; stat -c '%U %G %a' .") == "ann ann 700"


def test_a_file_in_the_group_folder_is_the_groups_and_nobody_elses(
    team: RunningHub, started: Callable[[str], Callable[[str], str]]
) -> None:
    ann, bob, eve = started("ann"), started("bob"), started("eve")
    folder = team.state / "files/shared/data"
    assert ann(f"stat -c '%U %G %a' {folder}") == "root data 2770"
    assert ann(f"echo one > {folder}/note; stat -c '%U %G %a' {folder}/note") == "ann data 664"
    assert bob(f"echo two >> {folder}/note; cat {folder}/note") == "one\ntwo"
    assert bob("echo three >> ~/shared/data/note; tail -1 ~/shared/data/note") == "three"
    assert "Permission denied" in eve(f"cat {folder}/note")
    assert "Permission denied" in eve(f"ls {folder}")
    assert "Permission denied" in eve(f"ls {team.state}/files/home/ann")
    assert "Permission denied" in eve(f"ls {team.state}/files/home")


def test_state_and_secrets_are_closed_to_servers(
    team: RunningHub, started: Callable[[str], Callable[[str], str]]
) -> None:
    eve = started("eve")
    for path in ("secrets", "secrets/password", "databases", "databases/hub.sqlite", "logs", "files/.qhub"):
        assert "Permission denied" in eve(f"cat {team.state}/{path}; ls {team.state}/{path}/"), path
    assert "Permission denied" in eve(f"cat /proc/{team.pid}/environ")


def test_the_environment_carries_no_secret_of_the_hub(
    team: RunningHub, started: Callable[[str], Callable[[str], str]]
) -> None:
    variables = started("eve")("env")
    for name in ("cookie", "proxy", "password", "admin-password"):
        secret = (team.state / "secrets" / name).read_text().strip()
        assert secret not in variables, name
    assert "CONFIGPROXY_AUTH_TOKEN" not in variables


def test_memory_beyond_the_limit_is_refused(started: Callable[[str], Callable[[str], str]]) -> None:
    eve = started("eve")
    said = eve("python3 -c 'b = bytearray(3 << 30); print(len(b))' ; echo code $?")
    assert "3221225472" not in said
    assert "code 0" not in said

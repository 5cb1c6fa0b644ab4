"""What the real libnss_wrapper makes of a passwd and a group file, asked in a child process.

`python -m qhub_hub.identity.nss check --passwd F --group F --user NAME` prints it as JSON.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.identity.entries import PasswdEntry
from qhub_hub.identity.errors import NamesUnavailable
from qhub_hub.installation.libraries import find_nss_wrapper

_FAILED = 3


@dataclass(frozen=True, slots=True)
class Resolved:
    """One person as programs under nss_wrapper see them.

    Args:
        name: as asked for.
        by_name: `getpwnam`; None: not found.
        by_uid: `getpwuid` of the uid found.
        groups: `getgrouplist`, ids ascending, the private group included.
        group_names: names of these, "" where there is none.
        entered: groups of a process after `initgroups`; None: not asked for.
    """

    name: str
    by_name: PasswdEntry | None
    by_uid: PasswdEntry | None = None
    groups: tuple[int, ...] = ()
    group_names: tuple[str, ...] = ()
    entered: tuple[int, ...] | None = None


def check(passwd: Path, group: Path, name: str, *, initgroups: bool = False, timeout: float = 20) -> Resolved:
    """How this person resolves through the real library.

    Args:
        passwd, group: the files.
        name: POSIX name to look up.
        initgroups: also let the child take on the groups; needs root.
        timeout: seconds.

    Raises:
        NamesUnavailable: the library is missing, hangs, or refuses the files.
    """
    return check_all(passwd, group, [name], initgroups=initgroups, timeout=timeout)[0]


def check_all(
    passwd: Path, group: Path, names: Sequence[str], *, initgroups: bool = False, timeout: float = 20
) -> tuple[Resolved, ...]:
    """Like `check`, for many names in one child process, in order."""
    if find_nss_wrapper() is None:
        raise NamesUnavailable(
            "libnss_wrapper is not installed, so names can't be checked. Install the distribution's libnss-wrapper."
        )
    command = [sys.executable, "-m", __name__, "check", "--passwd", str(passwd), "--group", str(group)]
    # A library that was preloaded into this process, or its files, must not reach the child.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "LD_PRELOAD" and not name.startswith("NSS_WRAPPER_")
    }
    try:
        answer = subprocess.run(  # noqa: S603  (our own interpreter and module; names travel on stdin)
            command + ["--initgroups"] * initgroups,
            input=json.dumps(list(names)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NamesUnavailable(f"Looking names up in {passwd} took more than {timeout:g} s; it was stopped.") from None
    if answer.returncode == _FAILED:
        raise NamesUnavailable(answer.stderr.strip().splitlines()[-1])
    if answer.returncode:
        raise NamesUnavailable(f"Looking names up in {passwd} and {group} failed (exit {answer.returncode}).")
    return tuple(_resolved(one) for one in json.loads(answer.stdout))


def main(arguments: Sequence[str] | None = None) -> int:
    """The child: print a JSON list of `Resolved`, for the names given or a JSON list of them on stdin."""
    parser = argparse.ArgumentParser(prog="python -m qhub_hub.identity.nss")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("check", help="look names up through libnss_wrapper")
    command.add_argument("--passwd", type=Path, required=True, help="passwd file")
    command.add_argument("--group", type=Path, required=True, help="group file")
    command.add_argument("--user", action="append", help="POSIX name; without any, a JSON list is read from stdin")
    command.add_argument("--initgroups", action="store_true", help="also take on the groups; needs root")
    options = parser.parse_args(arguments)
    library = find_nss_wrapper()
    try:
        if library is None:
            raise NamesUnavailable("libnss_wrapper is not installed.")
        names = options.user or json.load(sys.stdin)
        resolved = _look_up(library, options, names)
    except NamesUnavailable as error:
        print(error, file=sys.stderr)
        return _FAILED
    except PermissionError:
        print("Taking on somebody's groups (--initgroups) needs root.", file=sys.stderr)
        return _FAILED
    json.dump([dataclasses.asdict(one) for one in resolved], sys.stdout)
    return 0


def _look_up(library: Path, options: argparse.Namespace, names: Sequence[str]) -> list[Resolved]:
    # Here and not above: the hub imports this module, and must never load what the other one loads.
    from qhub_hub.identity.nss_wrapper import NssWrapper

    wrapper = NssWrapper(library, options.passwd, options.group)
    resolved = []
    for name in names:
        user = wrapper.user_by_name(name)
        if user is None:
            resolved.append(Resolved(name, None))
            continue
        groups = wrapper.groups_of(name, user.gid)
        entries = [wrapper.group_by_gid(gid) for gid in groups]
        resolved.append(
            Resolved(
                name,
                by_name=user,
                by_uid=wrapper.user_by_uid(user.uid),
                groups=groups,
                group_names=tuple(entry.name if entry else "" for entry in entries),
                entered=wrapper.enter_groups(name, user.gid) if options.initgroups else None,
            )
        )
    return resolved


def _resolved(answer: dict[str, object]) -> Resolved:
    lists = {key: tuple(value) for key, value in answer.items() if isinstance(value, list)}
    users = {key: PasswdEntry(**value) for key, value in answer.items() if isinstance(value, dict)}
    return Resolved(**(answer | lists | users))  # type: ignore[arg-type]  # the child is this same module


if __name__ == "__main__":
    sys.exit(main())

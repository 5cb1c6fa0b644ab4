"""`qhub env`: environments of this machine or cluster: what there is, build, look at and remove them."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from qhub_hub.cli import environment_image
from qhub_hub.cli.conda_store_report import (
    CONDA_STORE_BUILDS,
    conda_store_report,
    declared_in,
    is_conda_store,
    refuse_for_conda_store,
)
from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.environment_place import Place, place_of

if TYPE_CHECKING:
    from qhub_hub.environments.builds import Build
    from qhub_hub.environments.specification import Specification

ACTIONS = {
    "list": "say which environments there are",
    "build": "build environments now, whether or not they have changed",
    "log": "show how the last build of one went, or how far it is",
    "rollback": "put the build before into force again",
    "remove": "remove one with all its builds",
    "explain": "say where one is stated, who sees it and what is in force",
    "image": "write one as a container image",
    "serve": "build what is wanted on a cluster, until stopped (the chart does)",
}
_ONE = ("log", "rollback", "remove", "explain", "image")
_WHOEVER_BUILDS = ("list", "explain", "image")
"""What is read from the manifests, whether QHub or conda-store has built it."""

_LONGEST_LOG = 1_000_000  # bytes of a log that are shown, from its end


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    common = ArgumentParser(add_help=False)
    common.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    common.add_argument(
        "-f", "--values", metavar="FILE", action="append", default=[], type=Path, help="values files of `qhub up`"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, meaning in ACTIONS.items():
        parents = [] if action == "serve" else [common]
        subparser = actions.add_parser(
            action, parents=parents, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}."
        )
        if action in _ONE:
            subparser.add_argument("environment", metavar="NAMESPACE/NAME")
        if action == "build":
            subparser.add_argument(
                "environment", metavar="NAMESPACE/NAME", nargs="*", help="default: all that are not as stated"
            )
        if action == "image":
            environment_image.add_arguments(subparser)
        if action == "list":
            subparser.add_argument("--json", action="store_true", help="for programs: the manifests' entries")


def run(arguments: Namespace) -> int:
    """Do it; 0 when all is well, 1 when something is not."""
    from qhub_hub.cli.environment_builder import serve
    from qhub_hub.config import ConfigError
    from qhub_hub.environments.builds import BuildError

    os.umask(0o022)
    if arguments.action == "serve":
        return serve()
    actions: dict[str, Callable[[Place, Namespace], int]] = {
        "list": _list,
        "build": _build,
        "log": _log,
        "rollback": _rollback,
        "remove": _remove,
        "explain": _explain,
        "image": _image,
    }
    try:
        place = place_of(arguments.state, arguments.values)
        if arguments.action not in _WHOEVER_BUILDS:
            refuse_for_conda_store(place, arguments.action)
        return actions[arguments.action](place, arguments)
    except (ConfigError, BuildError) as error:
        raise CommandError(str(error)) from error


def _list(place: Place, arguments: Namespace) -> int:
    from qhub_hub.config.quantities import show_bytes
    from qhub_hub.environments import Manifests

    manifests = Manifests(place.builds.root)
    catalogue = manifests.read()
    by_conda_store = is_conda_store(place)
    specifications, problems = (declared_in(place), ()) if by_conda_store else place.wanted()
    problems = (*manifests.problems, *problems)
    if arguments.json:
        print(json.dumps([asdict(environment) for environment in catalogue], indent=2))
    else:
        there = {environment.key for environment in catalogue}
        keys = {specification.key for specification in specifications}
        for environment in catalogue:
            kernels = ", ".join(kernel.language or kernel.name for kernel in environment.kernels) or "no kernel"
            facts = f"{len(environment.packages)} packages, {show_bytes(environment.size)}, {kernels}"
            left = "" if by_conda_store or environment.key in keys else "; stated nowhere any more"
            print(f"{environment.key:30} {environment.status:8} {facts if environment.prefix else ''}{left}".rstrip())
            if environment.message:
                print(f"{'':30} {_shown(environment.message)}")
        for key in sorted(keys - there):
            print(f"{key:30} not built yet")
        if by_conda_store:
            print(CONDA_STORE_BUILDS)
    for problem in problems:
        print(_shown(problem), file=sys.stderr)
    return 1 if problems or any(environment.message for environment in catalogue) else 0


def _image(place: Place, arguments: Namespace) -> int:
    return environment_image.write_image(place.builds, _key(arguments), arguments)


def _build(place: Place, arguments: Namespace) -> int:
    from datetime import UTC, datetime

    from qhub_hub.environments.building import build
    from qhub_hub.environments.garbage import collect
    from qhub_hub.environments.manifest import READY
    from qhub_hub.environments.reconcile import is_due, room_of

    config = place.values.qhub
    specifications, problems = place.wanted()
    for problem in problems:
        print(_shown(problem), file=sys.stderr)
    if arguments.environment:
        chosen = [_named(key, specifications) for key in arguments.environment]
    else:
        # What failed for a reason that may pass is tried now, not in some minutes.
        now = datetime.max.replace(tzinfo=UTC)
        chosen = [one for one in specifications if is_due(one, place.builds.records(one.namespace, one.name), now)]
    access = place.access()
    failed = bool(problems)
    for one in chosen:
        done = build(place.builds, one, access(one.namespace), room_of(config, one.namespace), Console().line)
        collect(place.builds, one.namespace, one.name, config.environments.keep)
        failed = failed or done.status != READY
    return 1 if failed else 0


def _named(key: str, specifications: "tuple[Specification, ...]") -> "Specification":
    for one in specifications:
        if one.key == key:
            return one
    raise CommandError(
        f"Nothing says how {key!r:.100} is built.\n"
        "hint: declare it below qhub.environments.declared, or put an environment.yaml into its namespace's folder; "
        "`qhub env list` shows what there is."
    )


def _log(place: Place, arguments: Namespace) -> int:
    namespace, name = _key(arguments)
    logs = sorted(place.builds.folder(namespace, name).glob("*.log"), key=lambda path: path.stem.partition("-")[2])
    if not logs:
        raise CommandError(f"{namespace}/{name} was never built.")
    with logs[-1].open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LONGEST_LOG))
        text = file.read().decode(errors="replace")
    for line in text.splitlines():
        print(_shown(line))
    return 0


def _rollback(place: Place, arguments: Namespace) -> int:
    from qhub_hub.environments.manifest import READY

    namespace, name = _key(arguments)
    with place.builds.locked(*_existing(place, arguments)):
        current = place.builds.current(namespace, name)
        whole = [build for build in place.builds.records(namespace, name) if build.status == READY]
        earlier = _before(whole, current)
        place.builds.switch(namespace, name, earlier.key)
    Console().line(f"{namespace}/{name} is as it was built on {earlier.begun:%Y-%m-%d %H:%M} UTC. Restart its kernels.")
    return 0


def _before(whole: "list[Build]", current: str) -> "Build":
    keys = [build.key for build in whole]
    number = keys.index(current) if current in keys else len(keys)
    if number == 0:
        raise CommandError("There is no build before the one in force. `qhub env explain` lists those that are kept.")
    return whole[number - 1]


def _remove(place: Place, arguments: Namespace) -> int:
    from qhub_hub.environments.garbage import remove

    namespace, name = _existing(place, arguments)
    for one in place.wanted()[0]:
        if one.key == f"{namespace}/{name}":
            raise CommandError(f"{one.key} would be built again: it is stated in {one.source}. Remove it there first.")
    remove(place.builds, namespace, name)
    return 0


def _explain(place: Place, arguments: Namespace) -> int:
    from qhub_hub.cli.environment_report import report

    namespace, name = _key(arguments)
    if is_conda_store(place):
        for line in conda_store_report(place, namespace, name):
            print(_shown(line))
        return 0
    specifications, _ = place.wanted()
    stated = next((one for one in specifications if one.key == f"{namespace}/{name}"), None)
    if stated is None:
        _existing(place, arguments)
    for line in report(place.builds, place.values, (namespace, name), stated):
        print(_shown(line))
    return 0


def _key(arguments: Namespace) -> tuple[str, str]:
    namespace, slash, name = arguments.environment.partition("/")
    if not slash:
        raise CommandError(
            f"{arguments.environment!r:.100} is no environment: write NAMESPACE/NAME, as in global/analysis."
        )
    return namespace, name


def _existing(place: Place, arguments: Namespace) -> tuple[str, str]:
    namespace, name = _key(arguments)
    if not place.builds.folder(namespace, name).is_dir():
        raise CommandError(f"There is no environment {namespace}/{name}; `qhub env list` shows those that are.")
    return namespace, name


def _shown(text: str) -> str:
    """Without what a terminal would obey: programs of packages wrote some of it."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)

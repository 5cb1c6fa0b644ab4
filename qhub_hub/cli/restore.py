"""`qhub restore`: what `qhub backup` wrote, back in its place."""

import json
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import default_state, told
from qhub_hub.identity import HighWater, IdentityError
from qhub_hub.storage import StorageError


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    place.add_argument("--namespace", metavar="NS", help="the release in this namespace, by kubectl")
    place.add_argument("--hub", action="store_true", help="inside a pod with the hub's volume: its databases only")
    # The other half of --namespace, in the pod that holds the share.
    place.add_argument("--share", metavar="DIR", type=Path, default=None, help=SUPPRESS)
    parser.add_argument("--context", metavar="NAME", default="", help="of the kubeconfig; default: the current one")
    parser.add_argument("file", metavar="FILE", help="archive that `qhub backup` wrote; -: standard input")


def run(arguments: Namespace) -> int:
    """Restore it."""
    try:
        if arguments.share:
            from qhub_hub.cli.archive import share

            print(json.dumps(share.prepare(arguments.share, HighWater(**json.load(sys.stdin)))))
        elif arguments.hub:
            from qhub_hub.cli.archive import hub_pod

            for path in hub_pod.restore(hub_pod.databases(), sys.stdin.buffer):
                print(f"Kept: {path}")
        else:
            _restore(arguments)
    except (IdentityError, StorageError) as error:
        raise CommandError(str(error)) from error
    return 0


def _restore(arguments: Namespace) -> None:
    from qhub_hub.cli.archive.packing import unpack

    console = Console()
    with tempfile.TemporaryDirectory(prefix="qhub-restore-") as area:
        if arguments.file == "-":
            manifest = unpack(sys.stdin.buffer, Path(area), "Standard input")
        else:
            with told(f"The backup {arguments.file} can't be read"), open(arguments.file, "rb") as source:
                manifest = unpack(source, Path(area), arguments.file)
        wanted = "cluster" if arguments.namespace else "machine"
        if manifest.place != wanted:
            raise CommandError(
                f"{arguments.file} is a backup of {_PLACES[manifest.place]}, not of {_PLACES[wanted]}.\n"
                "hint: a release is restored with --namespace, one machine with --state."
            )
        if arguments.namespace:
            _cluster(arguments, Path(area), console)
        else:
            _machine(arguments, Path(area), console)
    console.line(f"Restored: the state of {manifest.made}, made by QHub {manifest.qhub}.")


_PLACES = {"machine": "one machine", "hub": "a hub's databases alone", "cluster": "a release on a cluster"}


def _machine(arguments: Namespace, unpacked: Path, console: Console) -> None:
    from qhub_hub.cli.archive import machine

    kept, notice = machine.restore(arguments.state or default_state(), unpacked)
    for path in kept:
        console.line(f"Kept what was there: {path}")
    if notice:
        console.line(f"note: {notice}")


def _cluster(arguments: Namespace, unpacked: Path, console: Console) -> None:
    from qhub_hub.cli.archive import recovery
    from qhub_hub.cli.kubectl import Kubectl

    for note in recovery.restore(Kubectl(arguments.namespace, arguments.context), unpacked, console):
        console.line(f"note: {note}")

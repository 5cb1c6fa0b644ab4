"""`qhub backup`: everything that can't be made again, but for people's files, in one archive."""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import default_state
from qhub_hub.identity import IdentityError

if TYPE_CHECKING:
    from qhub_hub.cli.archive.contents import Place


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    place.add_argument("--namespace", metavar="NS", help="the release in this namespace, by kubectl")
    place.add_argument("--hub", action="store_true", help="inside the hub's pod: its databases only")
    parser.add_argument("--context", metavar="NAME", default="", help="of the kubeconfig; default: the current one")
    parser.add_argument("file", metavar="FILE", help="archive to write (.tar.gz); -: standard output")


def run(arguments: Namespace) -> int:
    """Write the archive."""
    from qhub_hub.cli.archive.packing import new_archive, pack

    to_stream = arguments.file == "-"
    if to_stream and sys.stdout.isatty():
        raise CommandError("A backup is no text for a terminal.\nhint: name a file, or send the output to one.")
    console = Console(sys.stderr if to_stream else None)
    with tempfile.TemporaryDirectory(prefix="qhub-backup-") as area:
        try:
            place = _collect(arguments, Path(area), console)
        except IdentityError as error:
            raise CommandError(str(error)) from error
        if to_stream:
            pack(Path(area), place, sys.stdout.buffer)
            return 0
        path = Path(arguments.file).absolute()
        with new_archive(path) as target:
            manifest = pack(Path(area), place, target)
    console.line(f"{path}: {path.stat().st_size >> 10} KiB with {', '.join(sorted(manifest.files))}.")
    console.line("It holds keys and passwords: keep it where only you can read it. People's files are not in it.")
    return 0


def _collect(arguments: Namespace, folder: Path, console: Console) -> "Place":
    if arguments.namespace:
        from qhub_hub.cli.archive import release
        from qhub_hub.cli.kubectl import Kubectl

        release.collect(Kubectl(arguments.namespace, arguments.context), folder, console)
        return "cluster"
    if arguments.hub:
        from qhub_hub.cli.archive import hub_pod

        hub_pod.collect(hub_pod.databases(), folder)
        return "hub"
    from qhub_hub.cli.archive import machine

    machine.collect(arguments.state or default_state(), folder)
    return "machine"

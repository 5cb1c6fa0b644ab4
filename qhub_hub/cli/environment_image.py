"""`qhub env image`: an environment as a container image."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from qhub_hub.cli.console import Console

if TYPE_CHECKING:
    from qhub_hub.environments.builds import Builds


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `qhub env image` takes beside the environment."""
    place = "oci:DIR[:TAG] or docker-archive:FILE[:REPOSITORY[:TAG]]"
    parser.add_argument("--output", metavar="PLACE", required=True, help=f"where the image goes: {place}")
    parser.add_argument(
        "--base", metavar="PLACE", help="the image to put it on; default: this machine's C library and shell, no more"
    )


def write_image(builds: "Builds", environment: tuple[str, str], arguments: Namespace) -> int:
    """Write it, with progress on stderr and its digest on stdout.

    Args:
        environment: namespace and name.

    Raises:
        BuildError: no image was written, and why.
    """
    from qhub_hub.config.quantities import show_bytes
    from qhub_hub.environments.oci import export_image, parse_reference

    output = parse_reference(arguments.output)
    base = parse_reference(arguments.base) if arguments.base else None
    console = Console(sys.stderr)
    # Like Ctrl-C, so that whoever ends it in an orderly way finds nothing half written.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        image = export_image(builds, environment, output, base, console.line)
    finally:
        signal.signal(signal.SIGTERM, before)
    console.line(f"{output.path} has it as {image.name}: {image.layers} layers of {show_bytes(image.size)}.")
    if not image.serves:
        console.line(
            "It holds no server, so it runs programs and Dask workers; with the packages qhub-hub and jupyterlab in "
            "the environment it could be a profile's image, too."
        )
    print(image.digest)
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt

"""`qhub hub`: the hub of a release on a cluster, in its pod."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from qhub_hub.cli.release import QHUB_VALUES, ROOT, STATE
from qhub_hub.installation.imports import import_kubernetes_client_by_need, skip_slow_imports, without_collections


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments; the defaults are where the chart mounts things."""
    parser.add_argument("--values", metavar="FILE", type=Path, default=QHUB_VALUES, help=f"default: {QHUB_VALUES}")
    parser.add_argument("--config", metavar="DIR", type=Path, default=ROOT, help=f"with the Secrets; default: {ROOT}")
    parser.add_argument("--state", metavar="DIR", type=Path, default=STATE, help=f"for databases; default: {STATE}")


def run(arguments: Namespace) -> int:
    """Run the hub until it is told to end."""
    skip_slow_imports()
    import_kubernetes_client_by_need()
    os.umask(0o077)  # its databases are nobody else's business, whoever owns the volume
    with without_collections():
        from qhub_hub.cli.launch_release import launch_release
    return launch_release(arguments.values, arguments.config, arguments.state)

"""`qhub dask`: the processes of Dask-Gateway. They are started by the hub, and by the chart, not by people."""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from qhub_hub.installation.imports import without_collections

_RELEASE = "qhub_hub.cli.dask_release"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(dest="process", metavar="PROCESS", required=True)
    serve = commands.add_parser("serve", help="the gateway of one machine (the hub of `qhub up` starts it)")
    serve.add_argument("--state", metavar="DIR", type=Path, required=True, help="state folder of `qhub up`")
    serve.add_argument("--values", metavar="FILE", type=Path, action="append", required=True, help="values file")
    serve.add_argument("--port", type=int, required=True, help="on the loopback address")
    if find_spec(_RELEASE):
        import_module(_RELEASE).add_processes(commands)


def run(arguments: Namespace) -> int:
    """Run one of the processes until it is told to end."""
    if arguments.process == "serve":
        with without_collections():
            from qhub_hub.cli.dask_serve import serve
        return serve(arguments.state, arguments.values, arguments.port)
    return int(import_module(_RELEASE).run(arguments))

"""The `qhub` command: a file per subcommand, loaded only when it is asked for."""

import importlib
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from qhub_hub import __version__
from qhub_hub.cli.console import CommandError

COMMANDS = {
    "up": "run QHub on this machine",
    "hub": "run the hub of a release on a cluster (the chart does)",
    "storage": "make folders for the hub of a cluster (the chart does)",
    "validate": "check values files",
    "explain": "say what a person would get, and why",
    "schema": "print the JSON Schema of the values file",
    "usage": "say what ran and what it cost",
    "ids": "look into and mend the identity database",
    "env": "list, build and remove shared environments",
    "dask": "run a part of Dask-Gateway (hub and chart do)",
    "doctor": "say what is wrong with a release or with this machine, and what to do",
    "backup": "write databases, ids, keys and settings into one archive",
    "restore": "bring back what a backup holds",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 fine, 1 a problem (said on stderr), 2 wrong usage."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    parser = ArgumentParser(prog="qhub", description="A team's own data-science platform.")
    parser.add_argument("--version", action="version", version=f"qhub {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in arguments if not word.startswith("-")), "")
    for name, meaning in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")
        if name == wanted:
            module = importlib.import_module(f"qhub_hub.cli.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
        return code
    except CommandError as error:
        print(f"qhub: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has seen enough (`qhub schema | head`). What is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nqhub: stopped.", file=sys.stderr)
        return 130

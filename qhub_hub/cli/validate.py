"""`qhub validate`: are these values files right? Says everything that is not, and nothing else."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from qhub_hub.config import ConfigError, load_values


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="values files, merged as Helm merges them")


def run(arguments: Namespace) -> int:
    """Check the files; 0 when they are right, else 1 with every problem on stderr."""
    try:
        values = load_values(*arguments.files)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    for warning in values.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return 0

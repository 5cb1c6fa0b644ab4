"""`qhub schema`: the JSON Schema of the values file, for editors and for Helm."""

import json
from argparse import ArgumentParser, Namespace

from qhub_hub.config import schema


def add_arguments(parser: ArgumentParser) -> None:
    """The command has none."""


def run(arguments: Namespace) -> int:
    """Print the schema."""
    print(json.dumps(schema(), indent=2))
    return 0

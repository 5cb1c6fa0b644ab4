"""`qhub doctor`: what is wrong with a release, or with one machine, and what to do about it."""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from qhub_hub.cli.console import Console
from qhub_hub.cli.kubectl import Kubectl


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--namespace", metavar="NS", help="look at the release in this namespace, by kubectl")
    place.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    parser.add_argument("--context", metavar="NAME", default="", help="of the kubeconfig; default: the current one")
    parser.add_argument("--verbose", action="store_true", help="also say what may be as it is meant")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: Namespace) -> int:
    """Print the findings; 0 when nothing is wrong, 1 when something is."""
    # Imported here: `qhub doctor --help` must not wait for either.
    if arguments.namespace:
        from qhub_hub.cli.diagnosis import diagnose
        from qhub_hub.cli.diagnosis.snapshot import fetch

        found = diagnose(fetch(Kubectl(arguments.namespace, arguments.context)))
    else:
        from qhub_hub.cli.diagnosis.machine import diagnose_machine
        from qhub_hub.cli.state import default_state

        found = diagnose_machine(arguments.state or default_state())
    weights = Counter(finding.weight for finding in found)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
        return 1 if weights["problem"] else 0
    console = Console()
    for finding in found:
        if finding.weight == "problem" or arguments.verbose:
            console.line(f"{finding.weight}: {finding}")
    hidden = weights["note"] and not arguments.verbose
    counts = f"{_count(weights['problem'], 'problem')}, {_count(weights['note'], 'note')}"
    console.line(f"{counts}{' (--verbose shows them)' if hidden else ''}.")
    return 1 if weights["problem"] else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

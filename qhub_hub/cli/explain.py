"""`qhub explain`: what a person would get, and which key of the values file decides it."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.machine import own_cores, own_memory
from qhub_hub.config import ConfigError, load_values
from qhub_hub.identity import IdentityError, Memberships, PreviewStore, identity_of
from qhub_hub.sessions import explain, to_dict, to_text

OPTIONS = ("profile", "image", "size", "environment")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--user", required=True, metavar="NAME", help="whose server")
    parser.add_argument(
        "--groups",
        default="",
        metavar="A,B",
        help="groups that the sign-in provider would say, besides those of the values",
    )
    parser.add_argument(
        "-f",
        "--values",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="values file; later ones win",
    )
    for option in OPTIONS:
        parser.add_argument(f"--{option}", default="", metavar="KEY", help=f"the {option} that would be chosen")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: Namespace) -> int:
    """Print the explanation; 0 when a server would start, 1 when it would be refused."""
    try:
        values = load_values(*arguments.values)
    except ConfigError as error:
        raise CommandError(
            "The values can't be used:\n" + "\n".join(f"  {problem}" for problem in error.problems)
        ) from None
    # A node group without a stated size is this machine, as `qhub up` takes it.
    values = values.on_machine(cpu=own_cores(), memory=own_memory())
    pools = values.qhub.identity
    store = PreviewStore(
        user_ids=(pools.user_ids.first, pools.user_ids.last),
        group_ids=(pools.group_ids.first, pools.group_ids.last),
    )
    groups = [name for name in arguments.groups.split(",") if name]
    try:
        identity = identity_of(Memberships(values.qhub), store, arguments.user, groups)
    except IdentityError as error:
        raise CommandError(str(error)) from None
    options = {option: chosen for option in OPTIONS if (chosen := getattr(arguments, option))}
    explanation = explain(values.qhub, identity, options, values.source)
    print(json.dumps(to_dict(explanation), indent=2) if arguments.json else to_text(explanation))
    return 1 if explanation.refusal else 0

"""`qhub usage`: hours and costs by person, group and profile, from the record of `qhub up`."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import StateFolder, default_state
from qhub_hub.config.quantities import parse_seconds
from qhub_hub.hub.usage_database import UsageDatabase, UsageUnavailable
from qhub_hub.hub.usage_report import Line, Question, Report, report, to_dict


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--user", default="", metavar="NAME", help="only this person's servers")
    parser.add_argument("--group", default="", metavar="NAME", help="only servers of this group's members")
    parser.add_argument(
        "--since",
        default="30d",
        type=_moment,
        metavar="WHEN",
        help="a date in UTC (2026-11-01) or how long ago (12h, 7d); default: 30d",
    )
    parser.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: Namespace) -> int:
    """Print the report."""
    state = StateFolder(arguments.state or default_state())
    path = state.usage
    if not path.exists():
        raise CommandError(
            f"Nothing was recorded in {state.path} yet: there is no {path}.\n"
            "hint: name the state folder of `qhub up` with --state."
        )
    question = Question(arguments.since, datetime.now(UTC), user=arguments.user, group=arguments.group)
    try:
        database = UsageDatabase(f"sqlite:///{path}")
        found = report(database, question)
    except UsageUnavailable as error:
        raise CommandError(str(error)) from error
    database.close()
    if arguments.json:
        print(json.dumps(to_dict(found), indent=2))
    else:
        for line in _text(found):
            Console().line(line)
    return 0


def _moment(text: str) -> datetime:
    now = datetime.now(UTC)
    try:
        return now - timedelta(seconds=parse_seconds(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a date such as 2026-11-01 nor a time such as 12h or 7d") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(found: Report) -> Iterator[str]:
    yield f"From {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC"
    if not found.total.servers:
        yield "Nothing ran."
        return
    tables = (("People", found.people), ("Groups", found.groups), ("Profiles", found.profiles))
    width = max(len(line.name) for _, lines in tables for line in (*lines, Line("no group", 0, 0.0, {})))
    for title, lines in tables:
        yield ""
        yield f"{title:<{width + 2}}  servers      hours  cost"
        yield from _rows(lines, width)
    yield ""
    yield from _rows([found.total], width, "total")


def _rows(lines: Sequence[Line], width: int, unnamed: str = "no group") -> Iterator[str]:
    for line in lines:
        yield f"  {line.name or unnamed:<{width}}  {line.servers:>7}  {line.hours:>9.1f}  {line.cost_text or '-'}"

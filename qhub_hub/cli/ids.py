"""`qhub ids`: do the identity database, the names and the owners of folders agree; and what to do when it is lost."""

import os
import sqlite3
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import StateFolder, default_state
from qhub_hub.config import ConfigError, load_values
from qhub_hub.config.models import Config
from qhub_hub.identity import IdentityError, ids
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Provisioner, StorageError, claim_realm, read_realm

ACTIONS = {
    "list": "say who has which id",
    "check": "compare the database, the names that servers see and the owners of folders",
    "rebuild": "read lost ids back from the owners of folders",
    "rename": "give a person or group another name; ids and files stay theirs",
    "retire": "let a name go for good: whoever comes with it later gets another id and new folders",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    common = ArgumentParser(add_help=False)
    common.add_argument("--state", metavar="DIR", type=Path, default=None, help="state folder of `qhub up`")
    common.add_argument(
        "-f", "--values", metavar="FILE", action="append", default=[], type=Path, help="values files of `qhub up`"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, meaning in ACTIONS.items():
        subparser = actions.add_parser(
            action, parents=[common], help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}."
        )
        if action in ("rename", "retire"):
            subparser.add_argument("kind", choices=["user", "group"])
            subparser.add_argument("name", metavar="NAME", help="as it is in the hub and the values file")
        if action == "rename":
            subparser.add_argument("new", metavar="NEW", help="the name from now on")


def run(arguments: Namespace) -> int:
    """Do it; 0 when all is well, 1 when something is not."""
    state = StateFolder(arguments.state or default_state())
    files = arguments.values or [path for path in [state.path / "values.yaml"] if path.exists()]
    try:
        config = load_values(*files).qhub
        store = open_store(state, config)
        if arguments.action in ("check", "rebuild"):
            return _report(arguments.action, state, store, config)
        if arguments.action == "list":
            _list(store)
        elif arguments.action == "rename":
            store.rename(arguments.kind, arguments.name, arguments.new)
        else:
            store.retire(arguments.kind, arguments.name, for_good=True)
    except (ConfigError, IdentityError, StorageError) as error:
        raise CommandError(str(error)) from error
    return 0


def _report(action: str, state: StateFolder, store: IdentityStore, config: Config) -> int:
    check = action == "check"
    report = ids.check(store.records(), state.files) if check else _rebuild(state, store, config)
    console = Console()
    for problem in report.problems:
        console.line(problem)
    done = "records checked" if check else "ids learned from folders"
    console.line(f"{report.done} {done}, {len(report.problems)} problems.")
    return 1 if report.problems else 0


def open_store(state: StateFolder, config: Config) -> IdentityStore:
    """The identity database of a state folder."""
    return IdentityStore.by(config.identity, f"sqlite:///{state.identities}")


def _list(store: IdentityStore) -> None:
    for record in store.records():
        kind = "user " if hasattr(record, "uid") else "group"
        Console().line(f"{record.gid:>10}  {kind}  {record.name}  ({record.directory})")


def _rebuild(state: StateFolder, store: IdentityStore, config: Config) -> ids.Report:
    with state.locked(), Provisioner(state.files, own_ids=os.geteuid() == 0) as share:
        report = ids.rebuild(
            store,
            state.files,
            users={*config.users, *_known_to_the_hub(state.database)},
            groups=config.groups,
            mark=read_realm(share),
        )
        claim_realm(share, store.high_water)
    return report


def _known_to_the_hub(database: Path) -> list[str]:
    """Names in the hub's own database: they tell whose folder an escaped name is."""
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("select name from users")]
    except sqlite3.Error as error:
        raise CommandError(f"The hub's database {database} can't be read: {error}.") from error

"""One machine: its state folder, databases, ids, settings and room on the disk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from qhub_hub.cli.archive.databases import require_whole
from qhub_hub.cli.console import CommandError
from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.state import SHORTEST_SECRET, StateFolder
from qhub_hub.config import ConfigError, load_values
from qhub_hub.identity import IdentityError, check_high_water, ids
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Provisioner, StorageError, read_realm

_ROOM = 1 << 30  # bytes; below that a notebook that is saved may be cut off


def diagnose_machine(path: Path) -> list[Finding]:
    """Everything that is not as it should be.

    Args:
        path: state folder of `qhub up`.
    """
    if not (path / "version").exists():
        what = "it is not a state folder of QHub: nothing was ever started on it."
        return [Finding("state", str(path), what, "Name the folder with --state, or start with `qhub up`.")]
    try:
        state = StateFolder(path)
    except CommandError as error:
        what, _, hint = str(error).partition("\nhint: ")
        return [Finding("state", str(path), what, hint.capitalize() or "Correct it, and ask again.")]
    return [*_values(state), *_databases(state), *_secrets(state), *_identities(state), *_room(state)]


def _values(state: StateFolder) -> Iterator[Finding]:
    path = state.path / "values.yaml"
    if not path.exists():
        return
    try:
        for warning in load_values(path).warnings:
            yield Finding("values", str(path), str(warning), "Look whether that is what you mean.", "note")
    except ConfigError as error:
        for problem in error.problems:
            remedy = "Correct it; a running hub goes on with the last good settings, and can't start anew."
            yield Finding("values", str(path), str(problem), remedy)


def _databases(state: StateFolder) -> Iterator[Finding]:
    for path in (state.database, state.identities, state.usage):
        if path.exists():
            try:
                require_whole(path, str(path))
            except CommandError:
                yield Finding(
                    "databases", str(path), "it is damaged.", "Stop QHub and restore a backup: `qhub restore`."
                )


def _secrets(state: StateFolder) -> Iterator[Finding]:
    for path in sorted(state.secret_path("").iterdir()):
        mode = path.stat().st_mode & 0o077
        if mode:
            what = "others than its owner can read it."
            yield Finding("secrets", str(path), what, f"chmod 600 {path}; if they may have read it, exchange it.")
        elif len(path.read_text(errors="replace").strip()) < SHORTEST_SECRET:
            yield Finding("secrets", str(path), "it is damaged: too short.", "Remove it; the next start makes another.")


def _identities(state: StateFolder) -> Iterator[Finding]:
    if not state.identities.exists():
        return
    where = str(state.identities)
    try:
        store = IdentityStore(f"sqlite:///{state.identities}")
        try:
            for problem in ids.check(store.records(), state.files if os.geteuid() == 0 else None).problems:
                yield Finding("identities", where, problem, "Find out which is right; `qhub ids` mends either.")
            with Provisioner(state.files, own_ids=os.geteuid() == 0) as share:
                mark = read_realm(share)
            if mark is not None:
                check_high_water(store.high_water, mark)
        finally:
            store.close()
    except (IdentityError, StorageError) as error:
        yield Finding("identities", where, str(error), "Until then no new person gets a number.")


def _room(state: StateFolder) -> Iterator[Finding]:
    free = shutil.disk_usage(state.path).free
    if free < _ROOM:
        what = f"its disk has {free >> 20} MiB left."
        yield Finding("disk", str(state.path), what, "Free some space: a full disk stops sign-ins and saving.")

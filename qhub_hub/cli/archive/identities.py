"""The identity database as lines of JSON: the same from SQLite and PostgreSQL, and readable in twenty years."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from qhub_hub.cli.archive.contents import BadArchive
from qhub_hub.identity.database import COUNTERS, FACTS, IDS, METADATA, SCHEMA, Database
from qhub_hub.identity.model import MAX_ID
from qhub_hub.identity.rebuild import MARGIN
from qhub_hub.identity.records import HighWater

_TEXTS = {"kind": 5, "name": 255, "posix": 63, "directory": 63, "state": 7}  # most characters
_WORDS = {"kind": ("user", "group"), "state": ("active", "retired", "gone")}
_COUNTERS = ("user", "group", "changes")
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Identities:
    """All that an identity database knows.

    Args:
        realm: whose numbers these are.
        counters: the number after the highest one ever given, by pool; how often something was changed.
        rows: everybody who was ever given a number.
    """

    realm: str
    counters: dict[str, int]
    rows: tuple[dict[str, Any], ...]

    def advanced(self, mark: HighWater) -> "Identities":
        """The same, with counters past a mark and the ids that may have been given out after it.

        Whoever comes next then gets a number that nobody ever had, though the mark is newer than the backup.
        """
        marks = {"user": mark.last_user_id, "group": mark.last_group_id}
        past = {kind: last + 1 + MARGIN for kind, last in marks.items() if last >= self.counters[kind] and last > 0}
        return replace(self, counters={**self.counters, **past})

    @property
    def high_water(self) -> HighWater:
        """As `IdentityStore.high_water` says it."""
        return HighWater(self.realm, *(max(self.counters[kind] - 1, 0) for kind in ("user", "group")))


def export(url: str, target: Path) -> None:
    """Write a database down, as it is at one moment.

    Raises:
        StoreUnavailable: it can't be read.
    """
    database = Database(url)
    try:
        with database.reading() as connection, target.open("x", encoding="utf-8") as file:
            target.chmod(0o600)
            for line in _lines(connection):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    finally:
        database.close()


def _lines(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    facts = {row.name: row.value for row in connection.execute(sa.select(FACTS))}
    yield {**facts, "counters": {row.name: row.value for row in connection.execute(sa.select(COUNTERS))}}
    for row in connection.execute(sa.select(IDS).order_by(IDS.c.number)):
        yield dict(row._mapping)


def save(identities: Identities, target: Path) -> None:
    """Write down, as `export` does, what `read` gave."""
    head = {"schema": SCHEMA, "realm": identities.realm, "counters": identities.counters}
    lines = (json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *identities.rows))
    target.write_text("".join(lines), encoding="utf-8")


def read(path: Path) -> Identities:
    """The inverse of `export`, with every value looked at.

    Raises:
        BadArchive: a line is not what `export` writes.
    """
    number = 1
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(file.readline())
            realm, counters = head["realm"], head["counters"]
            if head["schema"] != SCHEMA or not isinstance(realm, str) or not 0 < len(realm) <= 255:
                raise ValueError("head")
            if {key: type(value) for key, value in counters.items()} != dict.fromkeys(_COUNTERS, int):
                raise ValueError("counters")
            rows = []
            for line in file:
                rows.append(_row(json.loads(line)))
                number += 1
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadArchive(
            f"The identities in the backup can't be used: line {number + 1} of {path.name} is not what QHub writes."
        ) from error
    return Identities(realm, counters, tuple(rows))


def _row(found: Any) -> dict[str, Any]:
    if found.keys() != {"number", *_TEXTS}:
        raise ValueError("columns")
    if type(found["number"]) is not int or not 0 < found["number"] <= MAX_ID:
        raise ValueError("number")
    for column, most in _TEXTS.items():
        value = found[column]
        if not isinstance(value, str) or not 0 < len(value) <= most or value not in _WORDS.get(column, (value,)):
            raise ValueError(column)
    return dict(found)


def people(url: str) -> int:
    """How many people a database has given a number; 0 for one that does not exist yet.

    Raises:
        StoreUnavailable: it can't be read.
    """
    database = Database(url)
    try:
        with database.writing() as connection:
            METADATA.create_all(connection)
            count = sa.select(sa.func.count()).select_from(IDS).where(IDS.c.kind == "user")
            return int(connection.execute(count).scalar_one())
    finally:
        database.close()


def write(url: str, identities: Identities) -> None:
    """Make a database know exactly this, in one transaction.

    Args:
        url: of a new database, or of one whose content is given up.

    Raises:
        StoreUnavailable: it can't be written. Nothing was changed.
    """
    database = Database(url)
    try:
        with database.writing() as connection:
            METADATA.create_all(connection)
            for table in (IDS, COUNTERS, FACTS):
                connection.execute(table.delete())
            for start in range(0, len(identities.rows), _AT_ONCE):
                connection.execute(IDS.insert(), list(identities.rows[start : start + _AT_ONCE]))
            connection.execute(COUNTERS.insert(), [{"name": k, "value": v} for k, v in identities.counters.items()])
            facts = {"schema": SCHEMA, "realm": identities.realm}
            connection.execute(FACTS.insert(), [{"name": name, "value": value} for name, value in facts.items()])
    finally:
        database.close()

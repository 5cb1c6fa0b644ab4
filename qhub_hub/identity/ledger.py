"""The rows of the identity database, read and written inside one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa

from qhub_hub.identity.allocation import Row, Taken, preferred_posix_name
from qhub_hub.identity.database import COUNTERS, FACTS, IDS, METADATA, SCHEMA
from qhub_hub.identity.errors import RealmMismatch, StoreUnavailable
from qhub_hub.identity.posix import directory_name, escaped_name
from qhub_hub.identity.records import Kind, Pool

_AT_ONCE = 500  # parameters of one IN (…); old SQLite takes 999

T = TypeVar("T")


def found(connection: sa.Connection, kind: Kind, names: Iterable[str]) -> dict[str, Row]:
    """Rows of those names that have one, active or retired."""
    living = sa.select(IDS).where(IDS.c.kind == kind, IDS.c.state != "gone")
    return {row.name: row for some in _batches(names) for row in _rows(connection, living.where(IDS.c.name.in_(some)))}


def everyone(connection: sa.Connection) -> list[Row]:
    """All active rows, users before groups, by number."""
    return _rows(connection, sa.select(IDS).where(IDS.c.state == "active").order_by(IDS.c.kind.desc(), IDS.c.number))


def owners(connection: sa.Connection, numbers: Iterable[int]) -> dict[int, Row]:
    """Who has, or had, these numbers."""
    return {
        row.number: row
        for some in _batches(numbers)
        for row in _rows(connection, sa.select(IDS).where(IDS.c.number.in_(some)))
    }


def taken(connection: sa.Connection, kind: Kind, wanted: Mapping[str, int | None], pool: Pool, following: int) -> Taken:
    """What `allocation.allot` must know to serve these names."""
    ahead = sa.select(IDS).where(IDS.c.number.between(max(pool[0], following), pool[1]))
    numbers = {row.number: row for row in _rows(connection, ahead)}
    numbers |= owners(connection, (number for number in wanted.values() if number is not None))
    return Taken(numbers, taken_posix(connection, kind, wanted), _taken_directories(connection, kind, wanted))


def taken_posix(connection: sa.Connection, kind: Kind, names: Iterable[str]) -> frozenset[str]:
    """Of the POSIX names that these could get, those that somebody has."""
    candidates = [form(kind, name) for name in names for form in (preferred_posix_name, escaped_name)]
    return frozenset(
        posix
        for some in _batches(candidates)
        for posix in connection.scalars(sa.select(IDS.c.posix).where(IDS.c.state != "gone", IDS.c.posix.in_(some)))
    )


def _taken_directories(connection: sa.Connection, kind: Kind, names: Iterable[str]) -> frozenset[str]:
    return frozenset(
        directory
        for some in _batches(directory_name(kind, name) for name in names)
        for directory in connection.scalars(
            sa.select(IDS.c.directory).where(IDS.c.kind == kind, IDS.c.directory.in_(some))
        )
    )


def insert(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write new rows down."""
    if rows:
        columns = [column.name for column in IDS.columns]
        connection.execute(IDS.insert(), [{name: getattr(row, name) for name in columns} for row in rows])


def change(connection: sa.Connection, number: int, **columns: str) -> None:
    """Change the names or state of whoever has this number."""
    connection.execute(IDS.update().where(IDS.c.number == number).values(**columns))


def counter(connection: sa.Connection, name: str) -> int:
    """Value of a counter."""
    return int(connection.execute(sa.select(COUNTERS.c.value).where(COUNTERS.c.name == name)).scalar_one())


def advance(connection: sa.Connection, name: str, value: int) -> None:
    """Set a counter; it never goes back."""
    behind = COUNTERS.update().where(COUNTERS.c.name == name, COUNTERS.c.value < value)
    connection.execute(behind.values(value=value))


def note_change(connection: sa.Connection) -> None:
    """Tell every process that what it remembers may be outdated."""
    advance(connection, "changes", counter(connection, "changes") + 1)


def set_realm(connection: sa.Connection, realm: str) -> None:
    """Take over the realm of files that this database was rebuilt from."""
    connection.execute(FACTS.update().where(FACTS.c.name == "realm").values(value=realm))


def prepare(connection: sa.Connection, realm: str, fresh_realm: str, where: str) -> str:
    """Make the tables where they are missing; return the realm.

    Args:
        realm: as the values file states it; empty: whatever the database has.
        fresh_realm: for a new database when the values file states none.

    Raises:
        StoreUnavailable: the tables are of another version of QHub.
        RealmMismatch: the database is of another realm.
    """
    METADATA.create_all(connection)
    facts: dict[str, str] = {line.name: line.value for line in connection.execute(sa.select(FACTS))}
    if not facts:
        facts = {"schema": SCHEMA, "realm": realm or fresh_realm}
        connection.execute(FACTS.insert(), [{"name": name, "value": value} for name, value in facts.items()])
        connection.execute(COUNTERS.insert(), [{"name": name, "value": 0} for name in ("user", "group", "changes")])
    if facts.get("schema") != SCHEMA:
        raise StoreUnavailable(
            f"The identity database {where} has tables of version {facts.get('schema')!r}; this QHub knows "
            f"version {SCHEMA}. Nothing was changed. Run the version of QHub that wrote it, or restore a "
            "backup of its time."
        )
    if realm and facts["realm"] != realm:
        raise RealmMismatch(
            f"The identity database {where} belongs to the realm {facts['realm']!r}, but the values file "
            f"says {realm!r} (identity.realm). Its numbers mean the people of {facts['realm']!r}: use the "
            f"database of {realm!r}, or write identity.realm: {facts['realm']!r}, or leave it out."
        )
    return facts["realm"]


def _rows(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[Row]:
    return [
        Row(line.kind, line.name, line.number, line.posix, line.directory, line.state)
        for line in connection.execute(query)
    ]


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, _AT_ONCE)):
        yield some

"""The identity database: its tables, and one way to read and one way to write them.

SQLite or PostgreSQL. Writers of all processes take turns (`BEGIN IMMEDIATE`; an advisory lock), so whoever
writes sees everything that was given out before. SQLite runs in WAL mode with `synchronous=FULL`: an id is on
the disk before anybody hears of it. `NORMAL` would be faster, but a power cut could take back the last ids
given, and the next person would get them again.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from qhub_hub.identity.errors import StoreUnavailable

SCHEMA = "1"
BUSY_SECONDS = 30  # a writer holds the lock for milliseconds; who waits longer meets a process that hangs
_LOCK = 0x71687562  # any constant: the key of our advisory lock in a PostgreSQL database

METADATA = sa.MetaData()

IDS = sa.Table(
    "qhub_ids",
    METADATA,
    # One number space for users and groups: every user's number is also the gid of the private group.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(5), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("posix", sa.String(63), nullable=False),
    sa.Column("directory", sa.String(63), nullable=False),
    sa.Column("state", sa.String(7), nullable=False),
    # Rows are never deleted, so these hold for everybody who was ever here.
    sa.UniqueConstraint("kind", "directory"),
)
_LIVING = IDS.c.state != "gone"
sa.Index("qhub_ids_name", IDS.c.kind, IDS.c.name, unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING)
sa.Index("qhub_ids_posix", IDS.c.posix, unique=True, sqlite_where=_LIVING, postgresql_where=_LIVING)

COUNTERS = sa.Table(
    "qhub_id_counters",
    METADATA,
    # `user`, `group`: the number after the highest one allocated. `changes`: renames and retirements so far.
    sa.Column("name", sa.String(7), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

FACTS = sa.Table(
    "qhub_id_facts",
    METADATA,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)


class Database:
    """A connection pool that reads without a lock and writes one at a time.

    Args:
        url: `sqlite:////path/ids.sqlite` or `postgresql://user:password@host/name`.

    Raises:
        StoreUnavailable: it can't be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
        except SQLAlchemyError:
            raise StoreUnavailable(f"The identity database's address has no known form. {_ALLOWED}") from None
        self.where = parsed.render_as_string(hide_password=True)
        try:
            self._engine = _engine(parsed)
        except NoSuchModuleError:
            raise StoreUnavailable(f"The identity database {self.where} is of an unknown kind. {_ALLOWED}") from None
        except ImportError as error:
            raise StoreUnavailable(
                f"The identity database {self.where} needs a driver that is not installed. "
                "Install it with: pip install 'qhub-hub[postgresql]'"
            ) from error
        if self._engine.dialect.name == "sqlite":
            _prepare_file(self._engine)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads, and never waits for writers."""
        with self._sentences(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that sees everything given out before, alone; any error undoes it."""
        with self._sentences(), self._engine.connect() as connection:
            connection = connection.execution_options(qhub_writing=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreUnavailable(f"The identity database {self.where} {_reason(error)}") from error


_ALLOWED = "Use sqlite:////absolute/path/ids.sqlite or postgresql://user:password@host/database."

# What a driver says, and what that means for an administrator.
_REASONS = {
    "locked": f"was held by another process for more than {BUSY_SECONDS} s. Find the one that hangs.",
    "lock timeout": f"was held by another process for more than {BUSY_SECONDS} s. Find the one that hangs.",
    "readonly": "can't be written: the file or its folder is read-only for this process.",
    "disk is full": "can't be written: the disk is full. Free some space; nothing was lost.",
    "disk i/o": "can't be written: the disk reports an error, or is full.",
    "not a database": "is not a database, or is damaged. Restore a backup, then run `qhub ids rebuild`.",
    "malformed": "is damaged. Restore a backup, then run `qhub ids rebuild`.",
    "unable to open": "can't be opened: the file or its folder is missing or closed to this process.",
    "authentication failed": "refuses the user name or password in its address.",
    "connect": "can't be reached. See that it runs and that its address is right.",
}


def _reason(error: SQLAlchemyError) -> str:
    text = str(getattr(error, "orig", error)).lower()  # without the statement, which holds people's names
    for sign, reason in _REASONS.items():
        if sign in text:
            return reason
    return f"failed ({type(error).__name__}). The log says more."


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() in ("postgres", "postgresql"):
        # psycopg is the driver we ship; SQLAlchemy's own default differs between its versions.
        url = url.set(drivername="postgresql+psycopg")
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    if url.get_backend_name() != "sqlite":
        raise NoSuchModuleError
    if url.database in (None, "", ":memory:"):
        raise StoreUnavailable(f"An identity database in memory would forget who has which id. {_ALLOWED}")
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves: sqlite3 would begin too late, without lock
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("qhub_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _prepare_file(engine: sa.Engine) -> None:
    """Make the file, readable by its owner only, and switch it to WAL.

    The switch is done once, under a lock of the folder: SQLite answers two processes that switch at the same
        time with
    "database is locked" at once, whatever the timeout.
    """
    path = Path(str(engine.url.database))
    where = f"The identity database {path}"
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise StoreUnavailable(f"{where} can't be opened: its folder is missing or closed to this process.") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except OSError as error:
        reason = (os.strerror(error.errno) if error.errno else "unknown reason").lower()
        raise StoreUnavailable(f"{where} can't be opened for writing: {reason}.") from error
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{where} {_reason(SQLAlchemyError(str(error)))}") from error
    finally:
        os.close(folder)

"""The tables of the usage record, the way to its database, and the arithmetic that the database does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

METADATA = sa.MetaData()


RUNS = sa.Table(
    "qhub_runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user", sa.String(255), nullable=False),
    sa.Column("server", sa.String(255), nullable=False),
    sa.Column("profile", sa.String(253), nullable=False),
    sa.Column("node_group", sa.String(253), nullable=False),
    # What it was guaranteed; null: nothing was.
    sa.Column("cpu", sa.Float),
    sa.Column("memory", sa.BigInteger),
    sa.Column("gpu", sa.Integer, nullable=False),
    sa.Column("price_per_hour", sa.Float),
    sa.Column("currency", sa.String(3)),
    # Seconds since 1970, so that every database adds and compares them alike.
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("seen", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
    sa.Column("reason", sa.String(16)),
    sa.Index("qhub_runs_of_user", "user", "server", "ended"),
    sa.Index("qhub_runs_by_end", "ended"),
)

GROUPS = sa.Table(
    "qhub_run_groups",
    METADATA,
    sa.Column("run", sa.Integer, sa.ForeignKey(RUNS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("group", sa.String(255), primary_key=True),
)

HOUR = 3600.0  # seconds
_BUSY_SECONDS = 10
_ALLOWED = "Use sqlite:////absolute/path/usage.sqlite or postgresql://user:password@host/database."


class UsageUnavailable(Exception):
    """The record can't be read or written. `str()` says which, why and what to do."""


class UsageDatabase:
    """A connection pool.

    Args:
        url: SQLAlchemy's address; tables are made where they are missing.

    Raises:
        UsageUnavailable: it can't be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
            self.where = parsed.render_as_string(hide_password=True)
            self._engine = _engine(parsed)
        except (SQLAlchemyError, ImportError):
            raise UsageUnavailable(f"The address of the usage record can't be used. {_ALLOWED}") from None
        with self.writing() as connection:
            METADATA.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that only reads. Raises `UsageUnavailable`."""
        with self._sentences(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction; any error undoes it. Raises `UsageUnavailable`."""
        with self._sentences(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            # Not its text: that of a driver holds statements, and with them people's names.
            what = type(getattr(error, "orig", None) or error).__name__
            raise UsageUnavailable(
                f"The usage record {self.where} can't be used ({what}). See that the database can be reached, that "
                "its folder can be written, and that the disk is not full."
            ) from error


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        # psycopg is the driver we ship; SQLAlchemy's own default differs between its versions.
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise UsageUnavailable(f"The address of the usage record can't be used. {_ALLOWED}")
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    sa.event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: object) -> None:
    # A power cut may take the last runs with it; no id is given twice by that, so the disk need not be waited for.
    for setting in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {setting}")
    path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o600)  # who ran what is nobody else's business


def hours_between(since: float, until: float) -> Any:
    """SQL for the hours that a run lasted within a span; a run that is open lasts until its end.

    Args:
        since, until: seconds since 1970.
    """
    ended = sa.func.coalesce(RUNS.c.ended, until)
    first = sa.case((RUNS.c.started > since, RUNS.c.started), else_=since)
    last = sa.case((ended < until, ended), else_=until)
    return sa.case((last > first, last - first), else_=0.0) / HOUR


def counted_hours(since: float, now: float) -> Any:
    """SQL for the hours since a moment that a run counts for a limit: while it is open, the one it was let in for.

    Without it, servers that were started one right after the other would all fit: they have not cost anything yet.

    Args:
        since, now: seconds since 1970.
    """
    promised = RUNS.c.started + HOUR
    ended = sa.func.coalesce(RUNS.c.ended, sa.case((promised > now, promised), else_=now))
    first = sa.case((RUNS.c.started > since, RUNS.c.started), else_=since)
    return sa.case((ended > first, ended - first), else_=0.0) / HOUR


def overlapping(since: float, until: float) -> Any:
    """SQL condition: the run has a part within the span (seconds since 1970)."""
    return (RUNS.c.started < until) & (RUNS.c.ended.is_(None) | (RUNS.c.ended > since))

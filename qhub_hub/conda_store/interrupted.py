"""Builds that nobody works on: their worker has died, or their order was lost.

conda-store 2025.2.2 looks for such with a Redis server only: else they are "building" or "queued" for ever
(facts/conda-store.md §1.3 d).
"""

import json
import re
import sqlite3
from base64 import b64decode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from celery import chain
from celery.signals import task_prerun, worker_ready

BUSY = 60
"""Seconds for a database that others write to; after SQLite's own five, orders are lost on a slow disk."""

ENDED = "The build was ended before it was done (killed, or out of memory)."
_EVERY_MINUTE = "task_watch_paths"
_ON_ITS_WAY = timedelta(minutes=10)  # from the database to the queue, each of which may be waited for


def take_up_builds(queue: Path) -> None:
    """Have a worker of this process look for such builds when it starts, and then every minute.

    It must be the only worker, and do one task after the other: then nothing is being built while it looks.

    Args:
        queue: its database of orders.
    """

    def begin(**_: Any) -> None:
        _build_once()
        _take_up(queue)

    def look(sender: Any, **_: Any) -> None:
        if getattr(sender, "name", "") == _EVERY_MINUTE:
            _take_up(queue)

    worker_ready.connect(begin, weak=False, dispatch_uid="qhub")
    task_prerun.connect(look, weak=False, dispatch_uid="qhub")


def _build_once() -> None:
    """Should an order be there twice after all, the second does nothing: it would fail where the first succeeded."""
    from conda_store_server._internal import schema
    from conda_store_server._internal.worker import tasks

    own = tasks.build_conda_environment

    def build_conda_environment(db: Any, conda_store: Any, build: Any) -> None:
        if build.status == schema.BuildStatus.QUEUED:
            own(db, conda_store, build)

    tasks.build_conda_environment = build_conda_environment


def _take_up(queue: Path) -> None:
    from conda_store_server._internal import orm, schema
    from conda_store_server._internal.worker.app import CondaStoreWorker

    _forget_done(queue)
    before = datetime.now(UTC).replace(tzinfo=None) - _ON_ITS_WAY
    with CondaStoreWorker.instance().conda_store.get_db() as db:
        builds = db.query(orm.Build)
        for build in builds.filter(orm.Build.status == schema.BuildStatus.BUILDING):
            build.status = schema.BuildStatus.FAILED
            build.status_info = ENDED
        db.commit()
        waiting = builds.filter(orm.Build.status == schema.BuildStatus.QUEUED, orm.Build.scheduled_on < before)
        numbers = {build.id for build in waiting}
    if numbers:
        for number in sorted(numbers - _ordered(queue)):
            _order(number)


def _forget_done(queue: Path) -> None:
    """Delete messages that were taken: kombu 5.7 keeps them for ever, and looks through them five times a second."""
    with closing(sqlite3.connect(queue, timeout=BUSY)) as database, database:
        database.execute("delete from kombu_message where not visible")


def _ordered(queue: Path) -> set[int]:
    """Builds that the queue holds an order of, as kombu writes it."""
    found = set()
    with closing(sqlite3.connect(queue, timeout=BUSY)) as database:
        for (payload,) in database.execute("select payload from kombu_message where visible"):
            message = json.loads(payload)
            text = json.dumps(message["headers"]) + b64decode(message["body"]).decode()
            found |= {int(number) for number in re.findall(r"build-(\d+)-environment", text)}
    return found


def _order(number: int) -> None:
    """Order a build as conda-store does, with its names of tasks."""
    from conda_store_server._internal.worker import tasks

    environment, export = tasks.task_build_conda_environment, tasks.task_build_conda_env_export
    chain(
        environment.subtask(args=(number,), task_id=f"build-{number}-environment", immutable=True),
        export.subtask(args=(number,), task_id=f"build-{number}-conda-env-export", immutable=True),
    ).apply_async()

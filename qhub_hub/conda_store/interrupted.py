"""Builds whose worker has died. conda-store 2025.2.2 finds those with a Redis server only: else they are "building" for
ever (facts/conda-store.md §1.3 d)."""

from typing import Any

from celery.signals import worker_ready

ENDED = "The build was ended before it was done (killed, or out of memory)."


def end_interrupted_builds() -> None:
    """Have a worker of this process, when it starts, write down as failed what an earlier one had not finished."""
    worker_ready.connect(_end, dispatch_uid="qhub")


def _end(**_: Any) -> None:
    from conda_store_server._internal import orm, schema
    from conda_store_server._internal.worker.app import CondaStoreWorker

    worker = CondaStoreWorker.instance()
    with worker.conda_store.get_db() as db:
        # There is one worker, which builds one environment after the other, and it has just begun.
        for build in db.query(orm.Build).filter(orm.Build.status == schema.BuildStatus.BUILDING):
            build.status = schema.BuildStatus.FAILED
            build.status_info = ENDED
        db.commit()

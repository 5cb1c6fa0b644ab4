"""The process that solves for conda-store: `python -m qhub_hub.conda_store.solving`, with a job on its standard input.

It runs with QHub's Python, which has py-rattler, whatever conda-store's has. Like `environments.worker`, whose words it
uses, it is a process of its own, as py-rattler 0.28 takes the interpreter with it.
"""

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from rattler import Gateway, RepoDataRecord

from qhub_hub.config.quantities import show_bytes
from qhub_hub.environments import worker


async def _solve(job: dict[str, Any]) -> list[dict[str, Any]]:
    records = await worker.solved(job, Gateway(cache_dir=Path(job["cache"])))
    download = sum(record.size or 0 for record in records)
    if download > job["room"]:
        raise worker.Problem(
            f"Its packages alone take {show_bytes(download)}, and {show_bytes(max(job['room'], 0))} may still be used. "
            "Remove an environment, or ask an administrator for more.",
            again=True,
        )
    return [_locked(record, job["platform"]) for record in records]


def _locked(record: RepoDataRecord, platform: str) -> dict[str, Any]:
    """A package as conda-lock's files have it (its format 1)."""
    hashes = {"md5": record.md5, "sha256": record.sha256}
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "manager": "conda",
        "platform": platform,
        "dependencies": {str(needed).split()[0]: " ".join(str(needed).split()[1:]) for needed in record.depends},
        "url": str(record.url),
        "hash": {name: value.hex() for name, value in hashes.items() if value},
        "category": "main",
        "optional": False,
    }


def main() -> NoReturn:
    """Do the job, say how it went, and end without Python's own way of ending, which py-rattler breaks."""
    job = json.loads(sys.stdin.readline())
    try:
        answer = {"done": asyncio.run(_solve(job))}
    except worker.Problem as problem:
        answer = {"problem": str(problem)}  # type: ignore[dict-item]
    except BaseException as error:  # whatever it is, whoever asked is told
        traceback.print_exception(error)
        answer = {"problem": "The packages could not be solved; the log has the reason."}  # type: ignore[dict-item]
    print(json.dumps(answer), flush=True)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""Fetches packages of a channel and unpacks them, each once, under the name of its hash."""

import asyncio
import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rattler import RepoDataRecord
from rattler.networking import Client
from rattler.package_streaming import download_and_extract

from qhub_hub.environments.installing import LONGEST, keep

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors of a disk without room."""

_AT_ONCE = 16  # packages; most of the time passes in waiting for a server, or in unpacking
_TRIES, _PAUSE = 3, 1.0  # seconds before the second one, and twice as many before the third


class NotThePackage(Exception):
    """Something else was fetched than what the channel lists. `str()` is a sentence."""


async def fetch(
    records: Sequence[RepoDataRecord], packages: Path, draft: Path, fetched: Callable[[int, int], None]
) -> list[Path]:
    """Fetch those that are not there yet.

    Args:
        packages: folder of unpacked ones.
        draft: a folder for those that are not whole yet, on the same disk.
        fetched: is told how many are there, of those that were missing.

    Returns:
        The folder of each.

    Raises:
        NotThePackage: one is another one.
        OSError: with a number of `FULL`: the disk is full.
        Exception: py-rattler's, or the operating system's: one can't be fetched or unpacked.
    """
    kept = [packages / record.sha256.hex() if record.sha256 else None for record in records]
    missing = [index for index, folder in enumerate(kept) if folder is None or not folder.is_dir()]
    # The large ones first: whichever is last keeps only one core busy.
    missing.sort(key=lambda index: records[index].size or 0, reverse=True)
    found = {index: folder for index, folder in enumerate(kept) if folder is not None}
    gate, client, done = asyncio.Semaphore(_AT_ONCE), Client.default_client(), 0

    async def bring(index: int) -> None:
        nonlocal done
        async with gate:
            found[index] = await _fetch_one(records[index], packages, draft, client)
        done += 1
        fetched(done, len(missing))

    await asyncio.gather(*map(bring, missing))
    return [found[index] for index in range(len(records))]


async def _fetch_one(record: RepoDataRecord, packages: Path, draft: Path, client: Client) -> Path:
    pause = _PAUSE
    for left in reversed(range(_TRIES)):
        place = Path(tempfile.mkdtemp(dir=draft)) / "package"
        try:
            async with asyncio.timeout(LONGEST):
                sha256, md5 = await download_and_extract(client, record.url, place)
            _require_listed(record, sha256, md5)
            break
        except Exception as error:
            shutil.rmtree(place.parent, ignore_errors=True)  # it may be what fills the disk
            if full := _fullness(error):
                raise OSError(full, os.strerror(full)) from error
            if not left:
                raise
            print(f"{record.file_name}: {error or type(error).__name__}; once more", file=sys.stderr)
        await asyncio.sleep(pause)
        pause *= 2
    folder = packages / sha256.hex()
    keep(place, folder)
    return folder


def _require_listed(record: RepoDataRecord, sha256: bytes, md5: bytes) -> None:
    for name, found, listed in (("sha256", sha256, record.sha256), ("md5", md5, record.md5)):
        if listed not in (None, found):
            raise NotThePackage(
                f"{record.file_name} is not the package that the channel lists: its {name} is {found.hex()}, and "
                f"{listed.hex()} was expected."
            )


def _fullness(error: Exception) -> int:
    """Which of the errors of a disk without room an error is; 0: none."""
    # py-rattler 0.28 raises an OSError without a number, and says it in its text.
    said = re.search(r"\(os error (\d+)\)", str(error))
    number = getattr(error, "errno", None) or (int(said[1]) if said else 0)
    return number if number in FULL else 0

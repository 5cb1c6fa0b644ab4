"""Fetches packages of a channel and unpacks them, each once, under the name of its hash."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rattler import RepoDataRecord
from rattler.networking import Client
from rattler.package_streaming import download_and_extract

from qhub_hub.environments.installing import keep

_AT_ONCE = 16  # packages; most of the time passes in waiting for a server, or in unpacking
_TRIES, _PAUSE = 3, 1.0  # seconds before the second one, and twice as many before the third


class NotThePackage(Exception):
    """Something else was fetched than what the channel lists."""


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
            sha256, md5 = await download_and_extract(client, record.url, place, record.sha256)
            break
        except Exception as error:
            if not left:
                raise
            print(f"{record.file_name}: {error}; once more", file=sys.stderr)
        await asyncio.sleep(pause)
        pause *= 2
    if record.md5 not in (None, md5) or record.sha256 not in (None, sha256):
        raise NotThePackage(f"{record.file_name} is not what the channel lists")
    folder = packages / sha256.hex()
    keep(place, folder)
    return folder

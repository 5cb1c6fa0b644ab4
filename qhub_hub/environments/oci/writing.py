"""The layers of an image, written side by side: compressing takes most of an export's time."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from qhub_hub.config.quantities import show_bytes
from qhub_hub.environments.oci.tar import Blob, Work

_MOST = 4  # threads; with more, the disk is what they wait for


class _Ended(Exception):
    """Another layer could not be written, or somebody has had enough."""


def write_all(works: Sequence[Work], folder: Path, say: Callable[[str], None]) -> tuple[Blob, ...]:
    """Write every layer, and say about ten times how far that is.

    Raises:
        Exception: what the first one that failed raised; the others have ended, too.
    """
    ended = threading.Event()

    def go_on() -> None:
        if ended.is_set():
            raise _Ended

    pool = ThreadPoolExecutor(min(_MOST, os.cpu_count() or 1), thread_name_prefix="layer")
    try:
        ahead = [pool.submit(work, folder, go_on) for work in works]
        done, written = 0, 0
        for future in ahead:
            while not future.done():
                finished, _ = wait([*ahead], timeout=1, return_when=FIRST_EXCEPTION)
                for one in finished:
                    one.result()
            blob = future.result()
            done, written = done + 1, written + blob.size
            if done % max(1, len(works) // 10) == 0 or done == len(works):
                say(f"Wrote {done} of {len(works)} layers, {show_bytes(written)}")
        return tuple(future.result() for future in ahead)
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)

"""Waiting for a server's port to answer, without losing time to lost packets or to a busy hub."""

import asyncio
from collections.abc import Awaitable, Callable

_TRY_EVERY = 0.05  # seconds after a refusal
_UNANSWERED = 0.2  # seconds: with NetworkPolicies the first packet to a new pod may be lost (facts/charts.md §8)
_MOST_TRIES = 4  # at a time


async def until_it_listens(host: str | None, port: int | None, still: Callable[[], Awaitable[object]]) -> None:
    """Return when something accepts connections there.

    A try that is not answered goes on beside the next one: while a hub starts many servers at once, answers that have
    come may wait for their turn longer than packets take to get lost.

    Args:
        still: called between tries; raises where there is nothing to wait for any more.
    """
    tries: set[asyncio.Task[bool]] = set()
    try:
        while True:
            if len(tries) < _MOST_TRIES:
                tries.add(asyncio.create_task(_accepts(host, port)))
            done, tries = await asyncio.wait(tries, timeout=_UNANSWERED, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result() for task in done):
                return
            await still()
            if done:
                await asyncio.sleep(_TRY_EVERY)
    finally:
        for task in tries:
            task.cancel()


async def _accepts(host: str | None, port: int | None) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True

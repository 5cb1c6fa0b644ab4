"""Waiting for what happens by itself, in tests."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 300.0
"""Seconds: no test is to fail because its machine is busy. State less only where the time itself is what is tested."""

T = TypeVar("T")


def eventually(look: Callable[[], T | None], within: float = PATIENCE, what: str = "it did not come to be") -> T:
    """Look again and again until there is something to see.

    Args:
        look: what to look at; whatever counts as true ends the wait. There is a look after the time is over, too.
        within: seconds.
        what: what a failure says.

    Returns:
        What was seen.

    Raises:
        AssertionError: it did not come to be.
    """
    deadline = time.monotonic() + within
    while True:
        late = time.monotonic() > deadline
        if seen := look():
            return seen
        if late:
            raise AssertionError(f"{what} within {within:g} s")
        time.sleep(0.05)

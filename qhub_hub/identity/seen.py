"""Records seen before, answered from memory: they hardly ever change, and are asked for at every spawn."""

from collections.abc import Callable
from dataclasses import dataclass, field

from qhub_hub.identity.errors import StoreUnavailable
from qhub_hub.identity.records import GroupRecord, UserRecord

FRESH_SECONDS = 2.0
"""How long a rename or retirement by another process may go unnoticed here."""

AWAY_SECONDS = 30.0
"""How long a database that did not answer is not asked again about changes."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records by name; replaced whole after a change elsewhere: no slow reader puts an old one back."""

    changes: int
    user: dict[str, UserRecord] = field(default_factory=dict)
    group: dict[str, GroupRecord] = field(default_factory=dict)


class Seen:
    """What this process remembers.

    Args:
        changes: asks the database how often it was changed.
        clock: seconds, monotonic.
    """

    def __init__(self, changes: Callable[[], int], clock: Callable[[], float]) -> None:
        self._changes = changes
        self._clock = clock
        self._records = Records(changes())
        self._checked = clock()

    def fresh(self) -> Records:
        """What was seen so far, emptied when another process renamed or retired somebody."""
        now = self._clock()
        if now - self._checked >= FRESH_SECONDS:
            self._checked = now
            try:
                changes = self._changes()
            except StoreUnavailable:
                # People seen before go on working while the database is away, and don't wait for it each time.
                self._checked = self._clock() + AWAY_SECONDS - FRESH_SECONDS
                return self._records
            if changes != self._records.changes:
                self._records = Records(changes)
        return self._records

    def forget(self) -> None:
        """Ask the database about everybody again."""
        self._records = Records(changes=-1)
        self._checked = float("-inf")

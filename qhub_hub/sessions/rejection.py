"""Refusals: every way a request can be turned down, with its HTTP status and the sentence people read."""

from typing import Literal

Reason = Literal[
    "options",  # 400: unknown key, wrong type, too long
    "profile",  # 403: unknown profile, or not for this person (one answer for both gives nothing away)
    "choice",  # 403: image, size or environment that the card does not offer
    "no-profile",  # 403: nothing is offered to this person
    "limit",  # 403: the server would exceed a limit
    "identity",  # 403: the name or the ids of this person cannot be used
    "placement",  # 503: the node group cannot hold it
    "unavailable",  # 503: a part that the answer needs is down
]

_STATUS: dict[Reason, int] = {"options": 400, "placement": 503, "unavailable": 503}


class Rejected(Exception):
    """A request that is refused.

    Args:
        reason: one of the closed list above; the label of the spawn metric.
        message: a sentence for the person who asked. Holds nothing that they may not know.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = _STATUS.get(reason, 403)

"""What `qhub doctor` has to say about one thing."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Args:
        subject: what kind of thing, in a word: `images`, `claims`, …
        where: the object, as kubectl names it: `deployment/hub`.
        what: a sentence: what happened.
        remedy: a sentence: what to do.
        weight: a `problem` needs somebody; a `note` may be as it is meant.
    """

    subject: str
    where: str
    what: str
    remedy: str
    weight: Literal["problem", "note"] = "problem"

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  {self.remedy}"

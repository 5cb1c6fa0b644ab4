"""Pools that ids are allocated from."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from qhub_hub.config.models.base import Model

PoolId = Annotated[int, Field(ge=1001, lt=2**31, strict=True)]


class Pool(Model):
    """A range of numeric ids, both ends included."""

    first: PoolId
    """The lowest id."""

    last: PoolId
    """The highest id."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is more than last ({self.last})")
        return self


class Identities(Model):
    """Numeric ids of people and groups. An id once given is never given to another."""

    # Group ids lie below user ids on purpose: NFS sends only 16 groups, the numerically lowest survive, and the one
    # that may be lost is then the user's own (facts/identity-storage.md §4).
    user_ids: Pool = Pool(first=100_000, last=199_999)
    """Ids for people; the private group of each has the same number."""

    group_ids: Pool = Pool(first=70_000, last=99_999)
    """Ids for groups."""

    realm: str = ""
    """Set the same name on hubs that share both files and identity database; others refuse each other's files."""

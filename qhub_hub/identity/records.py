"""What the identity database remembers of a user or group, and what it promises to whoever asks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["user", "group"]
Pool = tuple[int, int]
"""First and last number of a pool, both included."""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person's numbers and names, fixed at first sight.

    Args:
        name: the hub's user name.
        posix: name in `/etc/passwd`; also that of the private group.
        uid: numeric user id; `gid`, of the private group, is the same number.
        directory: folder below `home/`.
    """

    name: str
    posix: str
    uid: int
    gid: int
    directory: str


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group's number and names, fixed at first sight.

    Args:
        name: full path of the group.
        posix: name in `/etc/group`.
        gid: numeric id.
        directory: folder below `shared/`.
    """

    name: str
    posix: str
    gid: int
    directory: str


Record = UserRecord | GroupRecord


@dataclass(frozen=True, slots=True)
class Found:
    """A folder on the share whose owner says which id its name once had.

    Args:
        kind: of the owner.
        name: the hub's name; None: nobody knows it any more, only the number is kept from being given again.
        number: uid or gid that owns the folder.
        directory: the folder's name.
    """

    kind: Kind
    name: str | None
    number: int
    directory: str


@dataclass(frozen=True, slots=True)
class HighWater:
    """How far an identity database has counted; it only grows.

    Args:
        realm: of the database.
        last_user_id, last_group_id: highest number ever allocated from each pool; 0: none yet.
    """

    realm: str
    last_user_id: int = 0
    last_group_id: int = 0


class IdSource(Protocol):
    """Where ids come from: the database, or a preview of it.

    Names already known keep their record; others are given one. `declared` is the number that the values file
    states for a name, None where it states none.
    """

    def user(self, name: str, declared: int | None = None) -> UserRecord:
        """The person's record."""

    def users(self, wanted: Mapping[str, int | None]) -> dict[str, UserRecord]:
        """Records of many people: all of them or, with an error, none."""

    def group(self, name: str, declared: int | None = None) -> GroupRecord:
        """The group's record."""

    def groups(self, wanted: Mapping[str, int | None]) -> dict[str, GroupRecord]:
        """Records of many groups: all of them or, with an error, none."""

    def known_users(self, names: Iterable[str]) -> dict[str, UserRecord]:
        """Records of those people that have one. Gives no new ids."""

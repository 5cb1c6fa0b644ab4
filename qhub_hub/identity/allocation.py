"""Which number and which names somebody new gets. Pure: the database and the preview both decide here.

Numbers only grow: a new one is larger than every one allocated from that pool before, so none is ever given
twice, not even after its owner is gone. Numbers that somebody declared inside the pool are stepped over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from qhub_hub.identity.errors import IdConflict, RangeExhausted
from qhub_hub.identity.model import may_be_allocated, may_be_assigned
from qhub_hub.identity.posix import directory_name, escaped_name, group_posix_name, posix_name
from qhub_hub.identity.records import GroupRecord, Kind, Pool, UserRecord

State = Literal["active", "retired", "gone"]
"""In use; left, but the same if they come back; left for good, only the number and folder stay taken."""

KEYS: Mapping[Kind, tuple[str, str, str]] = {
    "user": ("uid", "users", "identity.userIds"),
    "group": ("gid", "groups", "identity.groupIds"),
}
"""Per kind: the key of a declared number, the section it stands in, the key of the pool."""


@dataclass(frozen=True, slots=True)
class Row:
    """One user or group as the database holds it."""

    kind: Kind
    name: str
    number: int
    posix: str
    directory: str
    state: State = "active"

    def as_user(self) -> UserRecord:
        """What others learn of a user."""
        return UserRecord(self.name, self.posix, self.number, self.number, self.directory)

    def as_group(self) -> GroupRecord:
        """What others learn of a group."""
        return GroupRecord(self.name, self.posix, self.number, self.directory)

    def __str__(self) -> str:
        suffix = {"active": "", "retired": " (retired)", "gone": " (gone for good)"}[self.state]
        return f"the {self.kind} {self.name!r}{suffix}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What can't be given any more.

    Args:
        owners: by number, of those numbers that matter for this allocation.
        posix: names in passwd and group files, of users and groups alike: both stand in the group file.
        directories: folders of this kind.
    """

    owners: Mapping[int, Row]
    posix: frozenset[str]
    directories: frozenset[str]


def allot(
    kind: Kind, wanted: Mapping[str, int | None], taken: Taken, pool: Pool, following: int
) -> tuple[list[Row], int]:
    """Rows for people or groups that have none yet.

    Args:
        wanted: declared number by name, None where none is declared.
        following: the number after the highest that this pool ever gave.

    Returns:
        A row per name, in order, and the new `following`.

    Raises:
        UnusableName, IdConflict, RangeExhausted: nothing is given to anybody.
    """
    owners = dict(taken.owners)
    posix, directories = set(taken.posix), set(taken.directories)
    free = _free_numbers(kind, wanted, owners, pool, following)
    rows = []
    for name, declared in wanted.items():
        number = next(free) if declared is None else declared
        row = Row(
            kind,
            name,
            number,
            free_posix_name(kind, name, posix),
            free_directory(kind, name, number, directories),
        )
        posix.add(row.posix)
        directories.add(row.directory)
        if declared is None:
            following = number + 1
        rows.append(row)
    return rows, following


def preferred_posix_name(kind: Kind, name: str) -> str:
    """The POSIX name that this name gets unless somebody has it already."""
    return posix_name(name) if kind == "user" else group_posix_name(name)


def free_posix_name(kind: Kind, name: str, taken: set[str]) -> str:
    """A POSIX name that nobody has: of a person and a group of one name, the later one is escaped."""
    for candidate in (preferred_posix_name(kind, name), escaped_name(kind, name)):
        if candidate not in taken:
            return candidate
    raise IdConflict(
        f"The {kind} name {name!r} can't be told from another one that is already known. Choose another name."
    )


def free_directory(kind: Kind, name: str, number: int, taken: set[str]) -> str:
    """A folder that nobody ever had: `ann`, or `ann--100005` where an earlier `ann` left theirs behind."""
    preferred = directory_name(kind, name)
    return preferred if preferred not in taken else f"{preferred.partition('--')[0]}--{number}"


def check_numbers(rows: Mapping[str, Row], wanted: Mapping[str, int | None]) -> None:
    """Refuse a values file that states another number than the one that somebody's files carry.

    Raises:
        IdConflict: with both numbers.
    """
    for name, row in rows.items():
        if wanted[name] not in (None, row.number):
            raise _different_number(row, wanted[name])


def _different_number(row: Row, declared: int | None) -> IdConflict:
    key, section, _ = KEYS[row.kind]
    return IdConflict(
        f"{_capital(row)} has {key} {row.number}, but the values file now says {declared} "
        f"({section}.{row.name}.{key}). Nothing was changed: every file they own carries {row.number}, so a "
        f"number stays for ever. Write {row.number} there or leave it out."
    )


def _free_numbers(
    kind: Kind, wanted: Mapping[str, int | None], owners: dict[int, Row], pool: Pool, following: int
) -> Iterator[int]:
    """Claim the declared numbers first, as they win; then what is left of the pool, ascending."""
    for name, declared in wanted.items():
        if declared is not None:
            claimant = Row(kind, name, declared, "", "")
            _check_declared(claimant, owners)
            owners[declared] = claimant
    return _ascending(kind, owners, pool, following)


def _ascending(kind: Kind, owners: Mapping[int, Row], pool: Pool, following: int) -> Iterator[int]:
    first, last = pool
    for number in range(max(first, following), last + 1):
        if number not in owners and may_be_allocated(number):
            yield number
    raise RangeExhausted(
        f"No number is left for a new {kind}: the pool {KEYS[kind][2]} ({first} to {last}) is used up to its "
        "end, and numbers are never given twice. Raise its `last` in the values file, to a range that "
        "nothing else uses."
    )


def _check_declared(claimant: Row, owners: Mapping[int, Row]) -> None:
    key, section, _ = KEYS[claimant.kind]
    where = f"{section}.{claimant.name}.{key}"
    if not may_be_assigned(claimant.number):
        raise IdConflict(
            f"{where} is {claimant.number}, which belongs to the operating system. "
            "Allowed are 1001 to 2147483647 without 65534 and 65535."
        )
    if owner := owners.get(claimant.number):
        raise IdConflict(
            f"{_capital(claimant)} is given {key} {claimant.number} in the values file ({where}), but that "
            f"number belongs to {owner}. A number that two share would share their files. Choose another "
            "one, or leave it out and QHub allocates one."
        )


def _capital(row: Row) -> str:
    return str(row).replace("the", "The", 1)

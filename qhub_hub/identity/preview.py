"""Ids as they would be given out, for `qhub explain` on a machine that has no identity database."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from qhub_hub.identity.allocation import Row, Taken, allot, check_numbers
from qhub_hub.identity.records import GroupRecord, Kind, Pool, UserRecord

R = TypeVar("R", UserRecord, GroupRecord)


class PreviewStore:
    """Answers like `IdentityStore`, from memory: whoever is asked for first gets the first number.

    Args:
        user_ids, group_ids: pools, first and last number.
    """

    def __init__(self, *, user_ids: Pool = (100_000, 199_999), group_ids: Pool = (70_000, 99_999)) -> None:
        self._pools: Mapping[Kind, Pool] = {"user": user_ids, "group": group_ids}
        self._rows: dict[tuple[Kind, str], Row] = {}
        self._owners: dict[int, Row] = {}
        self._following: dict[Kind, int] = {"user": 0, "group": 0}

    def user(self, name: str, declared: int | None = None) -> UserRecord:
        """The person's record.

        Raises:
            UnusableName, IdConflict, RangeExhausted: as the database would.
        """
        return self.users({name: declared})[name]

    def users(self, wanted: Mapping[str, int | None]) -> dict[str, UserRecord]:
        """Records of many people: all or, with an error, none."""
        return self._many("user", wanted, Row.as_user)

    def group(self, name: str, declared: int | None = None) -> GroupRecord:
        """The group's record, like `user`."""
        return self.groups({name: declared})[name]

    def groups(self, wanted: Mapping[str, int | None]) -> dict[str, GroupRecord]:
        """Records of many groups: all or, with an error, none."""
        return self._many("group", wanted, Row.as_group)

    def known_users(self, names: Iterable[str]) -> dict[str, UserRecord]:
        """Records of those people that were asked for before."""
        return self.users({name: None for name in names if ("user", name) in self._rows})

    def _many(self, kind: Kind, wanted: Mapping[str, int | None], record: Callable[[Row], R]) -> dict[str, R]:
        known = {name: self._rows[kind, name] for name in wanted if (kind, name) in self._rows}
        check_numbers(known, wanted)
        new = {name: declared for name, declared in wanted.items() if name not in known}
        if new:
            rows, self._following[kind] = allot(kind, new, self._taken(kind), self._pools[kind], self._following[kind])
            self._rows |= {(kind, row.name): row for row in rows}
            self._owners |= {row.number: row for row in rows}
        return {name: record(self._rows[kind, name]) for name in wanted}

    def _taken(self, kind: Kind) -> Taken:
        rows = self._rows.values()
        return Taken(
            self._owners,
            frozenset(row.posix for row in rows),
            frozenset(row.directory for row in rows if row.kind == kind),
        )

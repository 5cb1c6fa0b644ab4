"""Ids that never change and are never given twice, kept in a database that several processes share."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self, TypeVar

from qhub_hub.config.models.identity import Identities
from qhub_hub.identity import ledger
from qhub_hub.identity.allocation import Row, allot, check_numbers, free_posix_name, preferred_posix_name
from qhub_hub.identity.database import Database
from qhub_hub.identity.errors import IdConflict, IdentityError, RealmMismatch, UnknownName
from qhub_hub.identity.rebuild import relearn
from qhub_hub.identity.records import Found, GroupRecord, HighWater, Kind, Pool, Record, UserRecord
from qhub_hub.identity.seen import Seen

R = TypeVar("R", UserRecord, GroupRecord)


class IdentityStore:
    """Gives every user and group a number and names, once and for all.

    Asking again gives the same answer, in this process or another. A call gives all the ids it was asked for
    or, with an error, none; an id is on the disk before the call returns, so every promised id is kept and
    numbers have no gaps: nothing is reserved ahead. Many names in one call cost one transaction: that is how
    to be fast. What was seen before is answered from memory, also while the database is away.

    Args:
        url: `sqlite:////path/ids.sqlite` (not on a network file system: its locks do not hold there) or
            `postgresql://…`.
        realm: name shared by hubs that share files and this database; empty: what the database says, a new
            database chooses one.
        user_ids, group_ids: pools, first and last number.
        clock: seconds, monotonic.

    Raises:
        StoreUnavailable: can't be opened, or is of another version.
        RealmMismatch: belongs to another realm.
    """

    def __init__(
        self,
        url: str,
        *,
        realm: str = "",
        user_ids: Pool = (100_000, 199_999),
        group_ids: Pool = (70_000, 99_999),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = Database(url)
        self._pools: Mapping[Kind, Pool] = {"user": user_ids, "group": group_ids}
        self._stated_realm = realm
        try:
            with self._database.writing() as connection:
                self.realm = ledger.prepare(connection, realm, secrets.token_hex(8), self._database.where)
            self._seen = Seen(self._changes, clock)
        except IdentityError:
            self._database.close()
            raise

    @classmethod
    def by(cls, identities: Identities, url: str) -> Self:
        """The store with the realm and the pools that the values state."""
        users, groups = identities.user_ids, identities.group_ids
        return cls(
            url,
            realm=identities.realm,
            user_ids=(users.first, users.last),
            group_ids=(groups.first, groups.last),
        )

    def user(self, name: str, declared: int | None = None) -> UserRecord:
        """The person's record; given now if there is none. Under 5 µs when seen before.

        Args:
            declared: uid that the values file states.

        Raises:
            UnusableName, IdConflict, RangeExhausted, StoreUnavailable: with nothing changed.
        """
        seen = self._seen.fresh().user.get(name)
        if seen is not None and declared in (None, seen.uid):
            return seen
        return self.users({name: declared})[name]

    def users(self, wanted: Mapping[str, int | None]) -> dict[str, UserRecord]:
        """Records of many people, in one transaction: all or, with an error, none."""
        cache = self._seen.fresh()
        return self._many("user", wanted, cache.user, Row.as_user)

    def group(self, name: str, declared: int | None = None) -> GroupRecord:
        """The group's record, like `user`."""
        seen = self._seen.fresh().group.get(name)
        if seen is not None and declared in (None, seen.gid):
            return seen
        return self.groups({name: declared})[name]

    def groups(self, wanted: Mapping[str, int | None]) -> dict[str, GroupRecord]:
        """Records of many groups, in one transaction: all or, with an error, none."""
        cache = self._seen.fresh()
        return self._many("group", wanted, cache.group, Row.as_group)

    def known_users(self, names: Iterable[str]) -> dict[str, UserRecord]:
        """Records of those people that have one. Gives no new ids."""
        cache = self._seen.fresh().user
        asked = list(names)
        if unseen := [name for name in asked if name not in cache]:
            with self._database.reading() as connection:
                rows = ledger.found(connection, "user", unseen)
            cache.update({name: row.as_user() for name, row in rows.items() if row.state == "active"})
        return {name: cache[name] for name in asked if name in cache}

    def records(self) -> tuple[Record, ...]:
        """Everybody who is not retired: users, then groups, each by number."""
        with self._database.reading() as connection:
            rows = ledger.everyone(connection)
        return tuple(row.as_user() if row.kind == "user" else row.as_group() for row in rows)

    @property
    def high_water(self) -> HighWater:
        """How far the pools have been used; to be kept beside the files (see `check_high_water`)."""
        with self._database.reading() as connection:
            last = [max(ledger.counter(connection, kind) - 1, 0) for kind in ("user", "group")]
        return HighWater(self.realm, *last)

    def rename(self, kind: Kind, old: str, new: str) -> Record:
        """The same person or group under another name: same number, same folder, new POSIX name.

        Raises:
            UnknownName: `old` has no record.
            IdConflict: `new` has one already; two people are not merged.
            UnusableName, StoreUnavailable: with nothing changed.
        """
        preferred_posix_name(kind, new)  # an unusable name doesn't reach the database
        with self._database.writing() as connection:
            rows = ledger.found(connection, kind, [old, new])
            row = _known(rows, kind, old)
            if new in rows:
                raise IdConflict(
                    f"Renaming {row} to {new!r} is refused: that name has the number {rows[new].number} "
                    "already, and two are never merged. Choose another name, or retire that one for good "
                    "first."
                )
            taken = set(ledger.taken_posix(connection, kind, [new])) - {row.posix}
            posix = free_posix_name(kind, new, taken)
            ledger.change(connection, row.number, name=new, posix=posix)
            ledger.note_change(connection)
        renamed = Row(kind, new, row.number, posix, row.directory, row.state)
        self._seen.forget()
        return renamed.as_user() if kind == "user" else renamed.as_group()

    def retire(self, kind: Kind, name: str, *, for_good: bool = False) -> None:
        """Somebody left. Their number and folder stay taken for ever.

        Args:
            for_good: whoever comes with this name later is another person, with a new number and folder.
                Otherwise they get their old ones back.

        Raises:
            UnknownName: there is no record.
            StoreUnavailable: with nothing changed.
        """
        with self._database.writing() as connection:
            row = _known(ledger.found(connection, kind, [name]), kind, name)
            ledger.change(connection, row.number, state="gone" if for_good else "retired")
            ledger.note_change(connection)
        self._seen.forget()

    def rebuild(self, found: Iterable[Found], mark: HighWater | None = None) -> int:
        """Learn who has which number from the files, after the database was lost or an old backup restored.

        The counters move past everything found and past the mark, with a margin for ids that left no folder.

        Args:
            found: owners of homes and shared folders.
            mark: kept beside the files; its realm is taken over.

        Returns:
            How many rows were added.

        Raises:
            IdConflict: a folder contradicts the database or another folder. Nothing was changed.
            RealmMismatch: the files are of another realm than the values file states. Nothing was changed.
            StoreUnavailable: nothing was changed.
        """
        if mark and self._stated_realm not in ("", mark.realm):
            raise RealmMismatch(
                f"The files belong to the realm {mark.realm!r}, but the values file says "
                f"{self._stated_realm!r} (identity.realm). Nothing was learnt. Use the files of that realm, "
                "or change the key."
            )
        with self._database.writing() as connection:
            added = relearn(connection, found, mark, self._pools)
            if mark:
                ledger.set_realm(connection, mark.realm)
                self.realm = mark.realm
            ledger.note_change(connection)
        self._seen.forget()
        return added

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def _changes(self) -> int:
        with self._database.reading() as connection:
            return ledger.counter(connection, "changes")

    def _many(
        self, kind: Kind, wanted: Mapping[str, int | None], cache: dict[str, R], record: Callable[[Row], R]
    ) -> dict[str, R]:
        records: dict[str, R] = {}
        unseen: dict[str, int | None] = {}
        for name, declared in wanted.items():
            seen = cache.get(name)
            if seen is not None and declared in (None, seen.gid):
                records[name] = seen
            else:
                unseen[name] = declared
        for name in unseen:
            preferred_posix_name(kind, name)  # an unusable name doesn't reach the database
        if unseen:
            rows = self._existing_or_new(kind, unseen)
            cache.update({row.name: record(row) for row in rows})
            records |= {row.name: cache[row.name] for row in rows}
        return {name: records[name] for name in wanted}

    def _existing_or_new(self, kind: Kind, wanted: Mapping[str, int | None]) -> list[Row]:
        with self._database.reading() as connection:
            rows = ledger.found(connection, kind, wanted)
        check_numbers(rows, wanted)
        if all(name in rows and rows[name].state == "active" for name in wanted):
            return list(rows.values())
        with self._database.writing() as connection:
            rows = ledger.found(connection, kind, wanted)  # again: others may have been faster
            check_numbers(rows, wanted)
            for row in rows.values():
                if row.state == "retired":
                    ledger.change(connection, row.number, state="active")
            new = {name: declared for name, declared in wanted.items() if name not in rows}
            following = ledger.counter(connection, kind)
            pool = self._pools[kind]
            allotted, following = allot(
                kind, new, ledger.taken(connection, kind, new, pool, following), pool, following
            )
            ledger.insert(connection, allotted)
            ledger.advance(connection, kind, following)
        return [*rows.values(), *allotted]


def _known(rows: Mapping[str, Row], kind: Kind, name: str) -> Row:
    if name not in rows:
        raise UnknownName(f"There is no {kind} {name!r} in the identity database.")
    return rows[name]

"""Numeric ids: none twice, none that belongs to somebody else."""

from collections.abc import Iterable, Iterator

from qhub_hub.config.models import Config
from qhub_hub.config.models.identity import Pool
from qhub_hub.config.problems import Path, show_path
from qhub_hub.config.validation import Finding

RESERVED = (
    (0, 1000, "the system and images"),
    (60001, 60577, "systemd's own users"),
    (61184, 65519, "systemd's dynamic users"),
    (65533, 65533, "QHub's builds of environments"),
    (65534, 65535, "nobody"),
)
"""Ids that belong to others on every Linux: first, last, whose (systemd's "Users, Groups, UIDs and GIDs")."""


def check_ids(config: Config) -> Iterator[Finding]:
    """Ids that are reserved or given twice, and pools that overlap."""
    uids = [(("users", name, "uid"), user.uid) for name, user in config.users.items() if user.uid is not None]
    gids = [(("groups", name, "gid"), group.gid) for name, group in config.groups.items() if group.gid is not None]
    for path, number in (*uids, *gids):
        for first, last, owner in RESERVED:
            if first <= number <= last:
                yield Finding(path, f"{number} belongs to {owner} ({first} to {last}); choose another")
    yield from _twice(uids, "id")
    yield from _twice(gids, "id")
    # Everybody has a private group whose gid is the uid: a group with that number would be theirs alone.
    owners = {number: path for path, number in uids}
    for path, number in gids:
        if number in owners:
            owner = show_path(("qhub", *owners[number]))
            yield Finding(path, f"{number} is also {owner}, and so that person's private group; choose another")
    yield from _check_pools(config)


def _twice(ids: Iterable[tuple[Path, int]], what: str) -> Iterator[Finding]:
    seen: dict[int, Path] = {}
    for path, number in ids:
        first = seen.setdefault(number, path)
        if first != path:
            yield Finding(path, f"{number} is also the {what} of {show_path(('qhub', *first))}; each needs its own")


def _check_pools(config: Config) -> Iterator[Finding]:
    users, groups = config.identity.user_ids, config.identity.group_ids
    if users.first <= groups.last and groups.first <= users.last:
        yield Finding(
            ("identity", "groupIds"),
            f"{groups.first} to {groups.last} overlaps userIds, {users.first} to {users.last}; a person's private "
            "group has the person's number, so the two must be apart",
        )
    yield from _reserved_in(("identity", "userIds"), users)
    yield from _reserved_in(("identity", "groupIds"), groups)


def _reserved_in(path: Path, pool: Pool) -> Iterator[Finding]:
    for first, last, owner in RESERVED:
        if pool.first <= last and first <= pool.last:
            yield Finding(
                path,
                f"{pool.first} to {pool.last} includes {first} to {last}, which belong to {owner}; choose another",
            )

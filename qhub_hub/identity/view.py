"""What one person's programs may know of names: themselves, people they share groups with, the system."""

from collections.abc import Iterable
from dataclasses import dataclass

from qhub_hub.identity.base_entries import BASE_GROUPS, BASE_PASSWD
from qhub_hub.identity.entries import GroupEntry, PasswdEntry, parse_passwd
from qhub_hub.identity.memberships import Memberships
from qhub_hub.identity.model import Group, Identity
from qhub_hub.identity.records import IdSource, UserRecord

MOST_PEERS = 500
"""Co-members in one view. Each costs about 100 bytes, and a pod's annotations may have 256 KiB together."""

_ENTRY_BYTES = 960  # of 1024, less the password, the end of the list and alignment
_POINTER_BYTES = 8
_NO_LOGIN = "/usr/sbin/nologin"  # nobody signs in as somebody else here, so a peer's shell is of no use


@dataclass(frozen=True, slots=True)
class View:
    """The entries of one pair of passwd and group files."""

    passwd: tuple[PasswdEntry, ...]
    group: tuple[GroupEntry, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who shares groups with the person whose view it is.

    Args:
        record: their numbers and names.
        groups: full names of the shared groups.
    """

    record: UserRecord
    groups: frozenset[str]


def peers_of(
    memberships: Memberships, store: IdSource, identity: Identity, *, limit: int = MOST_PEERS
) -> tuple[Peer, ...]:
    """People who are in this person's groups by the values file and were here before; gives nobody an id.

    Args:
        limit: with more, the smallest groups come first, then the alphabet; who is left out appears as a
            number.
    """
    shared: dict[str, set[str]] = {}
    for group in sorted(identity.group_names, key=lambda name: (len(memberships.named_in(name)), name)):
        for person in memberships.named_in(group):
            if person in shared:
                shared[person].add(group)
            elif person != identity.name and len(shared) < limit:
                shared[person] = {group}
    known = store.known_users(shared)
    return tuple(Peer(record, frozenset(shared[name])) for name, record in sorted(known.items()))


def view_of(identity: Identity, peers: Iterable[Peer] = ()) -> View:
    """The files for one person: themselves, those peers, private groups, the person's groups, the system's.

    Other people and groups don't appear: a list of all users is nobody's business, and would not fit into a
    pod.
    """
    peers = tuple(peers)
    own = PasswdEntry(identity.posix, identity.uid, identity.gid, identity.gecos, identity.home, identity.shell)
    homes = identity.home.rpartition("/")[0]
    others = [
        PasswdEntry(one.posix, one.uid, one.gid, "", f"{homes}/{one.directory}", _NO_LOGIN)
        for one in (peer.record for peer in peers)
    ]
    private = [GroupEntry(entry.name, entry.gid) for entry in (own, *others)]
    shared = [
        _shared_group(
            group,
            identity.posix,
            {*group.members, *(peer.record.posix for peer in peers if group.name in peer.groups)},
        )
        for group in identity.groups
    ]
    system = [GroupEntry(name, gid) for name, gid in BASE_GROUPS.items()]
    return View((*parse_passwd(BASE_PASSWD), own, *others), (*system, *private, *shared))


def _shared_group(group: Group, own: str, others: set[str]) -> GroupEntry:
    """The person and as many others as every program can read.

    Programs (Python's `grp` among them) ask with 1 KiB of memory first, and nss_wrapper 1.1 answers "too
    small" in a way that they take for "no such group": a longer line would lose the group's name.
    """
    room = _ENTRY_BYTES - len(group.posix) - len(own)
    members = [own]
    for name in sorted(others - {own}):
        room -= len(name) + 1 + _POINTER_BYTES
        if room < 0:
            break
        members.append(name)
    return GroupEntry(group.posix, group.gid, tuple(sorted(members)))

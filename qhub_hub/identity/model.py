"""Who somebody is to Linux: one frozen record that every adapter derives its numbers from."""

from dataclasses import dataclass, field

MAX_ID = 2**31 - 1  # above it 32-bit tools read negative numbers (facts/identity-storage.md §3)

# Numbers that systemd hands to its own transient users (systemd.io/UIDS-GIDS).
_SYSTEMD = (range(60_001, 60_578), range(61_184, 65_520))


def may_be_assigned(number: int) -> bool:
    """Whether a person or group may have this number: not the system's, an image user's or nobody's."""
    return 1000 < number <= MAX_ID and not 65_534 <= number <= 65_535


def may_be_allocated(number: int) -> bool:
    """Whether QHub itself may choose this number; declared ones may be some that it would not."""
    return may_be_assigned(number) and not any(number in claimed for claimed in _SYSTEMD)


@dataclass(frozen=True, slots=True)
class Group:
    """A Linux group.

    Args:
        name: full path of the group, as the values file or the sign-in provider writes it; its identity.
        posix: name in `/etc/group`, unique.
        gid: numeric id.
        directory: folder below `shared/`, fixed when the group was first seen; empty: it has no shared
            folder.
        members: POSIX names of those members that a view of the group shows.
    """

    name: str
    posix: str
    gid: int
    directory: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as Linux sees them, the same in every notebook, terminal, job and session.

    Args:
        name: the hub's user name; the key of everything.
        posix: name in `/etc/passwd`: what `whoami` prints.
        uid: numeric user id.
        gid: id of the private group, equal to `uid` unless declared otherwise.
        groups: supplementary groups, sorted by gid, without the private one.
        directory: folder below `home/`, fixed when the person was first seen.
        home: absolute path of the home as the person's programs see it.
        shell: login shell.
        gecos: full name.
        admin: hub administrator.

    Raises:
        ValueError: an id that is not for people, or one that two groups share.
    """

    name: str
    posix: str
    uid: int
    gid: int
    groups: tuple[Group, ...]
    directory: str
    home: str
    shell: str = "/bin/bash"
    gecos: str = ""
    admin: bool = False
    # Looked up for every profile of every plan; derived once.
    group_names: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "group_names", frozenset(group.name for group in self.groups))
        gids = [self.gid, *(group.gid for group in self.groups)]
        # A plan must never carry a system's id, whatever the database says.
        if wrong := [number for number in (self.uid, *gids) if not may_be_assigned(number)]:
            raise ValueError(f"{self.name}: ids {wrong} are not for people")
        if len(set(gids)) != len(gids):
            raise ValueError(f"{self.name}: two of the groups have the same id, of {gids}")

    @property
    def gids(self) -> tuple[int, ...]:
        """Ids of the supplementary groups, ascending."""
        return tuple(group.gid for group in self.groups)

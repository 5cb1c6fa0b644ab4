"""Who somebody is to Linux: one frozen record that every adapter derives its numbers from."""

from dataclasses import dataclass, field

MAX_ID = 2**31 - 1  # above it 32-bit tools read negative numbers (facts/identity-storage.md §3)


@dataclass(frozen=True, slots=True)
class Group:
    """A Linux group.

    Args:
        name: full path of the group, as the values file or the sign-in provider writes it; its identity.
        posix: name in `/etc/group`, unique.
        gid: numeric id.
        directory: folder below `shared/`, fixed when the group was first seen; empty: it has no shared folder.
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
        ids = (self.uid, self.gid, *(group.gid for group in self.groups))
        # 0 is root, 1–1000 the system's and image users': a plan must never carry one, whatever the database says.
        if wrong := [i for i in ids if not 1000 < i <= MAX_ID or 65534 <= i <= 65535]:
            raise ValueError(f"{self.name}: ids {wrong} are not for people")

    @property
    def gids(self) -> tuple[int, ...]:
        """Ids of the supplementary groups, ascending."""
        return tuple(group.gid for group in self.groups)

"""The tree of the share: which folder exists, whose it is and who may enter. Nothing here touches a disk.

<root>            root  0755
  home/           root  0711   may be passed through, not listed
    <person>/     uid:gid 0700
  shared/         root  0755
    <group>/      root:gid 2770   members only; new files belong to the group
                            3770  for a group that everyone is in: members can't remove each other's files
  environments/   builder 0755 on a cluster: software environments, a folder per namespace
  .qhub/          root  0700   QHub's own marks
"""

import stat
from dataclasses import dataclass, replace
from pathlib import Path

from qhub_hub.identity.model import MAX_ID, Group, Identity

PRIVATE = ".qhub"
_LONGEST = 255  # bytes of one name on every file system in use
_FORBIDDEN_BITS = stat.S_ISUID | stat.S_IWOTH  # nothing on the share is writable by everybody


def check_part(part: str) -> str:
    """One name in a path that can only mean a direct child; returned unchanged.

    Raises:
        ValueError: empty, `.`, `..`, holds `/` or NUL, is hidden (but for QHub's own), is not text, or over
            255 bytes.
    """
    if part in ("", ".", "..") or "/" in part or "\0" in part:
        raise ValueError(f"{part!r} is not the name of a folder")
    if part.startswith(".") and part != PRIVATE:
        raise ValueError(f"the folder name {part!r} begins with a dot, which QHub keeps for itself")
    try:
        length = len(part.encode())
    except UnicodeEncodeError:
        raise ValueError(f"the folder name {part!r} is not text") from None
    if length > _LONGEST:
        raise ValueError(f"a folder name has {length} bytes; at most {_LONGEST} are possible")
    return part


@dataclass(frozen=True, slots=True)
class Directory:
    """One folder of the share as it must be.

    Args:
        parts: names from the share's root down; empty: the root itself.
        uid, gid: numeric owner.
        mode: permission bits, setgid and sticky included. Never setuid, never writable by everybody.

    Raises:
        ValueError: a part that could lead elsewhere, an id out of range, or such a mode.
    """

    parts: tuple[str, ...]
    uid: int
    gid: int
    mode: int

    def __post_init__(self) -> None:
        for part in self.parts:
            check_part(part)
        if not (0 <= self.uid <= MAX_ID and 0 <= self.gid <= MAX_ID):
            raise ValueError(f"{self.path}: {self.uid}:{self.gid} are not numeric ids")
        if self.mode & ~0o7777 or self.mode & _FORBIDDEN_BITS:
            raise ValueError(f"{self.path}: mode {self.mode:o} is not for a folder of the share")

    @property
    def path(self) -> str:
        """The path relative to the share's root (`home/ann`); `.` for the root itself."""
        return "/".join(self.parts) or "."


ROOT = Directory((), 0, 0, 0o755)
HOME = Directory(("home",), 0, 0, 0o711)
SHARED = Directory(("shared",), 0, 0, 0o755)
MARKS = Directory((PRIVATE,), 0, 0, 0o700)
# The user that builds run as, `environments.access.BUILDER`. Who sees which namespace is decided by what pods mount.
ENVIRONMENTS = Directory(("environments",), 65533, 65533, 0o755)


def group_directory(group: Group, everyone: bool = False) -> Directory:
    """The shared folder of a group.

    Args:
        everyone: all people are members; the sticky bit then keeps them from removing each other's files.

    Raises:
        ValueError: the group has no folder, or a name that can't be one.
    """
    if not group.directory:
        raise ValueError(f"the group {group.name} has no shared folder")
    return Directory(("shared", group.directory), 0, group.gid, 0o3770 if everyone else 0o2770)


def directories(identity: Identity, everyone_groups: frozenset[str] = frozenset()) -> tuple[Directory, ...]:
    """Every folder that must exist before this person's server starts, parents first.

    Args:
        everyone_groups: full names of the groups that all people are in.

    Raises:
        ValueError: the person's or a group's folder name can't be one.
    """
    home = Directory(("home", identity.directory), identity.uid, identity.gid, 0o700)
    shared = (group_directory(group, group.name in everyone_groups) for group in identity.groups if group.directory)
    return (ROOT, MARKS, HOME, home, SHARED, *shared)


def namespace_directory(namespace: str) -> Directory:
    """The folder of a namespace of environments on a cluster, where whoever builds may make environments.

    Raises:
        ValueError: the name can't be one of a folder.
    """
    return replace(ENVIRONMENTS, parts=(*ENVIRONMENTS.parts, check_part(namespace)))


def check_planned(directory: Directory) -> Directory:
    """A folder that the tree above has a place for; returned unchanged.

    Raises:
        ValueError: it has none: somebody asks for what no plan asks for.
    """
    if directory in (ROOT, HOME, SHARED, MARKS):
        return directory
    match directory.parts:
        case ("home", _):
            fits = directory.uid > 0 and directory.gid > 0 and directory.mode == 0o700
        case ("shared", _):
            fits = directory.uid == 0 and directory.gid > 0 and directory.mode in (0o2770, 0o3770)
        case ("environments", name):
            fits = directory == namespace_directory(name)
        case _:
            fits = False
    if not fits:
        owner = f"{directory.uid}:{directory.gid} {directory.mode:o}"
        raise ValueError(f"{directory.path} with {owner} is no folder of the tree")
    return directory


def home_path(root: Path, identity: Identity) -> Path:
    """Where the person's home lies on this machine."""
    return root / "home" / check_part(identity.directory)


def shared_path(root: Path, group: Group) -> Path:
    """Where the group's folder lies on this machine.

    Raises:
        ValueError: the group has no folder.
    """
    return root.joinpath(*group_directory(group).parts)

"""Lines of passwd and group files, read the way glibc and nss_wrapper read them."""

from dataclasses import dataclass

from qhub_hub.identity.errors import RenderError


@dataclass(frozen=True, slots=True)
class PasswdEntry:
    """A line of a passwd file, without the password.

    Args:
        home, shell: absolute paths.
    """

    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str

    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.name}:x:{self.uid}:{self.gid}:{self.gecos}:{self.home}:{self.shell}\n"


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A line of a group file, without the password."""

    name: str
    gid: int
    members: tuple[str, ...] = ()

    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.name}:x:{self.gid}:{','.join(self.members)}\n"


def parse_passwd(text: str) -> tuple[PasswdEntry, ...]:
    """The entries of a passwd file.

    Raises:
        RenderError: a line that one reader or another would refuse or read differently.
    """
    entries = []
    for number, fields in _lines("passwd", text, 7):
        name, _, uid, gid, gecos, home, shell = fields
        entries.append(PasswdEntry(name, _number(uid, number), _number(gid, number), gecos, home, shell))
    return tuple(entries)


def parse_group(text: str) -> tuple[GroupEntry, ...]:
    """The entries of a group file.

    Raises:
        RenderError: a line that one reader or another would refuse or read differently.
    """
    entries = []
    for number, (name, _, gid, members) in _lines("group", text, 4):
        entries.append(GroupEntry(name, _number(gid, number), tuple(members.split(",")) if members else ()))
    return tuple(entries)


def _lines(file: str, text: str, fields: int) -> list[tuple[int, list[str]]]:
    lines = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        parts = line.split(":")
        # One bad line, even a comment, and nss_wrapper finds nobody at all (facts/identity-storage.md §2).
        if len(parts) != fields or line.startswith(("#", "+", "-")):
            raise RenderError(
                f"Line {number} of a {file} file has {len(parts)} fields where {fields} must be: {line!r}."
            )
        lines.append((number, parts))
    return lines


def _number(text: str, line: int) -> int:
    # int() also takes spaces, signs, underscores and other scripts' digits, which C's readers don't.
    if not (text.isascii() and text.isdecimal()):
        raise RenderError(f"Line {line}: {text!r} is not a numeric id.")
    return int(text)

"""Which names are legal, decided once: maps in the values file, people who sign in, groups.

Every path, passwd line, label and URL of QHub is made from these names, so a name that could be read as two things
(a path separator, a passwd field, a line) is refused at the door instead of escaped in every place.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

KEY_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""Keys that become labels, folders or URL parts: profiles, node groups, option choices."""

LONGEST = 255  # of a user or group name: the database column's and ext4's limit

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]


class InvalidName(ValueError):
    """A user or group name that QHub refuses; `str()` is a sentence for the person."""


def _refuse_unprintable(kind: str, name: str) -> None:
    if not name:
        raise InvalidName(f"A {kind} name may not be empty.")
    if len(name) > LONGEST:
        raise InvalidName(f"This {kind} name has {len(name)} characters; at most {LONGEST} are allowed.")
    for character in name:
        if unicodedata.category(character)[0] in "CZ" and character != " ":
            raise InvalidName(
                f"The {kind} name {name!r} contains {unicodedata.name(character, 'a control character')}, "
                "which is not allowed."
            )
    if name != name.strip() or name != unicodedata.normalize("NFC", name):
        raise InvalidName(f"The {kind} name {name!r} begins or ends with a space or is not in normal form.")


def check_user_name(name: str) -> str:
    """A hub user name that is safe to hand to every later step; returned unchanged.

    Letters of any script, digits and `. _ - + @` and inner spaces are fine: what POSIX does not allow is escaped by
    `identity.posix_name`. `/`, `\\`, `:`, `,`, control characters and names of only dots are not.

    Raises:
        InvalidName: with a sentence that says why.
    """
    _refuse_unprintable("user", name)
    if found := re.search(r"[/\\:,\"'`$;|&<>*?{}\[\]()!#%^=~]", name):
        raise InvalidName(f"The user name {name!r} contains {found.group()!r}, which is not allowed.")
    if not name.strip(". "):
        raise InvalidName(f"The user name {name!r} consists of dots only.")
    return name


def check_group_name(name: str) -> str:
    """A group's full path as the sign-in provider writes it (`data`, `/teamA/research`); returned unchanged.

    Raises:
        InvalidName: empty, over 255 characters, control characters, `:` or `,`, or a part that is `.`, `..` or empty.
    """
    _refuse_unprintable("group", name)
    if found := re.search(r"[:,\\\"'`$;|&<>*?{}\[\]!#%^=~]", name):
        raise InvalidName(f"The group name {name!r} contains {found.group()!r}, which is not allowed.")
    parts = name.removeprefix("/").split("/")
    if any(not part.strip() or part in (".", "..") for part in parts):
        raise InvalidName(f"The group name {name!r} has an empty part, or one that is '.' or '..'.")
    return name


UserName = Annotated[str, AfterValidator(check_user_name)]
GroupName = Annotated[str, AfterValidator(check_group_name)]

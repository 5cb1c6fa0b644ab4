"""Text of passwd and group files that every reader reads as what was meant, or none at all."""

import unicodedata
from collections.abc import Iterable, Sequence

from qhub_hub.identity.entries import GroupEntry, PasswdEntry, parse_group, parse_passwd
from qhub_hub.identity.errors import RenderError
from qhub_hub.identity.model import MAX_ID
from qhub_hub.identity.posix import POSIX_NAME
from qhub_hub.identity.view import View


def render_passwd(view: View) -> str:
    """A passwd file that reads back as exactly these entries, ordered by uid.

    Raises:
        RenderError: a field would be read as something else (`:`, line ends, NUL, an id out of range), or two
            entries share a name or uid: readers would see the first only.
    """
    entries = sorted(view.passwd, key=lambda entry: entry.uid)
    for entry in entries:
        _check_name("user", entry.name)
        _check_ids(entry.name, entry.uid, entry.gid)
        _check_text(entry.name, "full name", entry.gecos)
        for what, path in (("home", entry.home), ("shell", entry.shell)):
            _check_text(entry.name, what, path)
            if not path.startswith("/"):
                raise RenderError(f"The {what} of {entry.name!r} is {path!r}; it must be an absolute path.")
    _check_unique("name", [entry.name for entry in entries])
    _check_unique("uid", [entry.uid for entry in entries])
    return _read_back(entries, "".join(entry.line() for entry in entries))


def render_group(view: View) -> str:
    """A group file that reads back as exactly these entries, ordered by gid.

    Raises:
        RenderError: like `render_passwd`; also a member listed twice or with a name that no passwd file can
            hold.
    """
    entries = sorted(view.group, key=lambda entry: entry.gid)
    for entry in entries:
        _check_name("group", entry.name)
        _check_ids(entry.name, entry.gid)
        for member in entry.members:
            _check_name("member", member)
        _check_unique(f"member of {entry.name!r}", entry.members)
    _check_unique("name", [entry.name for entry in entries])
    _check_unique("gid", [entry.gid for entry in entries])
    return _read_back(entries, "".join(entry.line() for entry in entries))


def _check_name(what: str, name: str) -> None:
    if not POSIX_NAME.fullmatch(name):
        raise RenderError(
            f"The {what} name {name!r} can't stand in a passwd or group file. Allowed are a-z, 0-9, '_', "
            "'.', '@' and '-', beginning with a letter or '_', at most 63 characters."
        )


def _check_ids(name: str, *ids: int) -> None:
    for number in ids:
        # nss_wrapper silently reads -5 as 4294967291 and 99999999999 as 1215752191.
        if not 0 <= number <= MAX_ID:
            raise RenderError(f"The id {number} of {name!r} is out of range; allowed are 0 to {MAX_ID}.")


def _check_text(name: str, what: str, text: str) -> None:
    for character in text:
        # Cs: a lone surrogate can't be written as UTF-8.
        if character == ":" or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise RenderError(f"The {what} of {name!r} holds {character!r}, which would end the field or the line.")


def _check_unique(what: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise RenderError(f"Two entries have the same {what}: {value!r}.")
        seen.add(value)


def _read_back(entries: Sequence[PasswdEntry] | Sequence[GroupEntry], text: str) -> str:
    """The last word: whatever the checks above overlook, a file that says something else is not written."""
    passwd = bool(entries) and isinstance(entries[0], PasswdEntry)
    again = parse_passwd(text) if passwd else parse_group(text) if text else ()
    if list(again) != list(entries):
        raise RenderError("A passwd or group file would not read back as what was meant, so it is not written.")
    return text

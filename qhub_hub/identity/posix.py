"""Names of the hub ⇄ names that Linux tools accept, so that two names of the hub never become one.

A *plain* name (lower case, at most 32 characters, begins with a letter or `_`, no `--`) stays what it is.
Every other name becomes `<readable part>--<hash>`. As no plain name holds `--`, an escaped name never equals
a plain one; two escaped names differ unless 80 bits of SHA-256 agree, and then the identity database refuses
the second.
"""

import base64
import hashlib
import re
import unicodedata

from qhub_hub.config.names import InvalidName, check_group_name, check_user_name
from qhub_hub.identity.base_entries import SYSTEM_NAMES
from qhub_hub.identity.errors import UnusableName
from qhub_hub.identity.records import Kind

POSIX_NAME = re.compile(r"[a-z_][a-z0-9_.@-]{0,62}")
"""What a whole name in a rendered file matches."""

_PLAIN = re.compile(r"(?!.*--)[a-z_][a-z0-9_.@-]{0,31}")  # 32: what useradd, utmp and `ps` can take
_LONGEST_STEM = 32


def posix_name(hub_name: str) -> str:
    """The name in `/etc/passwd` that this hub user prefers; injective, and never one of the system's.

    Args:
        hub_name: as the hub normalised it.

    Returns:
        At most 63 characters that match `POSIX_NAME`.

    Raises:
        UnusableName: not a legal hub name, or one that belongs to the system.
    """
    name = directory_name("user", hub_name)
    if name in SYSTEM_NAMES:
        raise UnusableName(
            f"The user name {hub_name!r} belongs to the operating system, so nobody can sign in with it. "
            "Give this person another name."
        )
    return name


def group_posix_name(hub_group: str) -> str:
    """The name in `/etc/group` that this group prefers; injective over full paths.

    A group named like one of the system's (`staff`, `video`) is escaped, never merged with it.

    Raises:
        UnusableName: not a legal group name.
    """
    name = directory_name("group", hub_group)
    return escaped_name("group", hub_group) if name in SYSTEM_NAMES else name


def directory_name(kind: Kind, hub_name: str) -> str:
    """The folder below `home/` or `shared/` that this name prefers.

    Returns:
        At most 63 characters, lower case (so two never differ by case only), no leading dot.

    Raises:
        UnusableName: not a legal name.
    """
    try:
        (check_user_name if kind == "user" else check_group_name)(hub_name)
    except InvalidName as error:
        raise UnusableName(str(error)) from None
    return hub_name if _PLAIN.fullmatch(hub_name) else escaped_name(kind, hub_name)


def escaped_name(kind: Kind, hub_name: str) -> str:
    """`<readable part>--<hash>`: also what a name gets whose plain form is somebody else's already.

    The hash covers the kind, so a user and a group of one name stay apart.
    """
    ascii_only = unicodedata.normalize("NFKD", hub_name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9_.@]+", "-", ascii_only).strip("-.@")[:_LONGEST_STEM].rstrip("-")
    if not stem:
        stem = kind
    elif not re.match(r"[a-z_]", stem):
        stem = f"_{stem}"
    digest = hashlib.sha256(f"{kind}:{hub_name}".encode()).digest()[:10]
    return f"{stem}--{base64.b32encode(digest).decode().lower()}"

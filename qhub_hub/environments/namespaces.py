"""Namespaces that need no declaration: one for all, one per group, one per person."""

import hashlib
import re

GLOBAL = "global"
"""The namespace that everybody sees."""

_LONGEST = 40


def group_namespace(group: str) -> str:
    """The namespace of a group, by its full name: `group-data`."""
    return f"group-{_slug(group)}"


def user_namespace(user: str) -> str:
    """The namespace of a person, by their hub name: `user-ann`."""
    # Neither prefix can be had from the other: whoever calls themselves like a group does not get its namespace.
    return f"user-{_slug(user)}"


def is_personal(namespace: str) -> bool:
    """Whether a namespace is that of one person."""
    return namespace.startswith("user-")


def _slug(name: str) -> str:
    """The name where it is a plain one; else what is left of it and a hash, so that two names never meet."""
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= _LONGEST and not _ends_like_hash(name):
        return name
    rest = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: _LONGEST - 13].strip("-")
    return f"{rest or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _ends_like_hash(name: str) -> bool:
    # Such a plain name could be chosen to meet the hashed one of somebody else.
    return re.search(r"-[0-9a-f]{12}$", name) is not None

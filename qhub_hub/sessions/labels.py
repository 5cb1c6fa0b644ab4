"""Kubernetes label values: at most 63 characters of a small alphabet, and still one per name."""

import hashlib
import re

_LEGAL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_HASHED = re.compile(r".*---[0-9a-f]{10}")
_KEPT = 50  # characters of the name that stay readable before `---` and ten digits of its hash


def label_value(name: str) -> str:
    """A legal label value, different for different names.

    A legal name stays as it is. Others keep what is readable of them and end in a hash. So does a legal name
    that looks like such a result: nobody can choose a name that is labelled as somebody else.
    """
    if _LEGAL.fullmatch(name) and not _HASHED.fullmatch(name):
        return name
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_KEPT].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{readable or 'x'}---{digest}"

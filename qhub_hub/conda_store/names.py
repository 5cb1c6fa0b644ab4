"""Names that conda-store can be trusted with."""

import re

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def is_slug(name: str) -> bool:
    """Whether a namespace or environment is called so that no part of its name means something else.

    conda-store 2025.2.2 puts names unescaped into regular expressions, where `.` is any character, and into SQL's LIKE,
    where `_` is (facts/conda-store.md §1.3 h, i).
    """
    return _SLUG.fullmatch(name) is not None


def slug_problem(what: str, name: str) -> str:
    """A sentence that refuses a name; empty: it is one.

    Args:
        what: `namespace` or `environment`.
    """
    if is_slug(name):
        return ""
    return (
        f"{name!r:.80} can't be the name of an {what} in conda-store: allowed are 1 to 63 small letters, digits and -, "
        "with a letter or digit at both ends."
    ).replace("an namespace", "a namespace")

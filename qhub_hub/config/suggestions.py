"""What somebody probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_FEW = 12  # names that a sentence still lists in full


def nearest(wrong: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that is most like the wrong one, if any is like it at all."""
    # Compared without case and separators: `node_group` is as near to `nodeGroup` as can be.
    plainly = {_plainly(name): name for name in allowed}
    near = get_close_matches(_plainly(wrong), plainly, n=1, cutoff=0.7)
    return plainly[near[0]] if near else None


def _plainly(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def did_you_mean(wrong: str, allowed: Iterable[str], what: str) -> str:
    """`did you mean nodeGroup?` where a name is near, else the allowed ones where they are few.

    Args:
        what: what the names are, in the plural: `keys`, `groups`.
    """
    known = sorted(allowed)
    if near := nearest(wrong, known):
        return f"did you mean {near}?"
    if not known:
        return f"there are no {what}"
    if len(known) > _FEW:
        return f"there are {len(known)} {what}, none with a similar name"
    return f"allowed {what}: {', '.join(known)}"

"""How sentences quote what was found and list names: bounded, printable, in people's words."""

import reprlib
from collections.abc import Iterable

LONGEST_QUOTE = 80  # characters
MOST_NAMES = 6  # a sentence with more names than this is not read


def quoted(found: object) -> str:
    """What somebody sent, as a Python literal of at most 80 printable characters.

    Safe for any object: long and deeply nested ones are shortened before they are written out.
    """
    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = shortened.maxlong = LONGEST_QUOTE
    shortened.maxlevel = 3
    try:
        text = shortened.repr(found)
    except ValueError:  # Python refuses to write out integers of more than 4300 digits
        text = f"a very long {type(found).__name__}"
    if len(text) > LONGEST_QUOTE:
        text = text[: LONGEST_QUOTE - 3] + "..."
    return "".join(character if character.isprintable() else "?" for character in text)


def listed(names: Iterable[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; from the seventh on, how many more there are."""
    shown = list(names)
    if len(shown) > MOST_NAMES:
        shown = [*shown[: MOST_NAMES - 1], f"{len(shown) - MOST_NAMES + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"

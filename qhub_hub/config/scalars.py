"""What an unquoted YAML scalar means, where everybody agrees; a refusal where they do not.

Three programs read the values file: Helm (YAML 1.1), Terraform's `yamldecode` (YAML 1.2, mostly) and this one. `0644`
is 420 to the first and 644 to the second; `1_000` is a number or a string; `2026-01-01` comes back with a time. People
notice such a difference weeks later, so what is not the same to all of them is refused here. `tests/parity` holds this
file against the real libraries.
"""

import json
import re

Scalar = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
# The `y` and `n` of YAML 1.1, in the spellings that its readers know.
_YES_OR_NO = frozenset(
    spelling for word in ("y", "n", "yes", "no", "on", "off") for spelling in (word, word.title(), word.upper())
)

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_EXACT_INTEGER = 2**53  # Helm reads numbers as 64-bit floats: beyond this it changes them
_EXACT_DIGITS = 15  # of a decimal: what a 64-bit float keeps

# Whatever some reader takes for a number or a date: signs, underscores, other bases, exponents, base 60, infinities.
_NUMBER_TO_SOME = re.compile(
    r"""
    [-+]? (?: 0[bB][01_]+ | 0[oO]?[0-7_]+ | 0[xX][0-9a-fA-F_]+ )
    | [-+]? (?=[0-9_.]*[0-9]) [0-9_]* \.? [0-9_]* (?: [eE] [-+]? [0-9_]+ )?
    | [-+]? [0-9][0-9_]* (?: :[0-5]?[0-9] )+ (?: \.[0-9_]* )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_DATE_TO_SOME = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?")


class Ambiguous(ValueError):
    """An unquoted text that YAML readers take for different things; `str()` says what to write instead."""


def quoted(text: str) -> str:
    """The text as a double-quoted YAML scalar."""
    return json.dumps(text, ensure_ascii=False)


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Returns:
        None, a bool, an int (also for `2.0`: JSON, through which Helm reads, has no other), a float or the text.

    Raises:
        Ambiguous: Helm, Terraform and others would not agree.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text in _YES_OR_NO:
        raise Ambiguous(
            f"is a word to some YAML readers and yes or no to others; write true or false, or quote it: {quoted(text)}"
        )
    # Most are texts; what looks like a number begins with a digit, a sign, a dot or an underscore.
    return text if text[0].isalpha() else _number_or_text(text)


def _number_or_text(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _DECIMAL.fullmatch(text):
        return _decimal(text)
    if _NUMBER_TO_SOME.fullmatch(text):
        raise Ambiguous(
            f"is not the same number to all YAML readers; write plain decimal digits, or quote it: {quoted(text)}"
        )
    if _NOT_FINITE.fullmatch(text):
        raise Ambiguous(f"is not a number that every YAML reader can keep; quote it: {quoted(text)}")
    if _DATE_TO_SOME.fullmatch(text):
        raise Ambiguous(f"is a date to some YAML readers and a text to others; quote it: {quoted(text)}")
    return text


def _integer(text: str) -> int:
    # The length first: Python refuses to convert thousands of digits, with a traceback.
    if len(text) > 17 or abs(int(text)) > _EXACT_INTEGER:
        raise Ambiguous(f"is a number too large for Helm to keep; quote it: {quoted(text)}")
    return int(text)


def _decimal(text: str) -> int | float:
    if len(text.strip("-").replace(".", "").lstrip("0")) > _EXACT_DIGITS:
        raise Ambiguous(
            f"has more than {_EXACT_DIGITS} digits, which not all YAML readers keep; quote it: {quoted(text)}"
        )
    number = float(text)
    return int(number) if number.is_integer() else number

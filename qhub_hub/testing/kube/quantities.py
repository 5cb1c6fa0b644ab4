"""Amounts as Kubernetes writes them, exactly: `500m`, `2`, `1.5Gi`."""

import re
from decimal import Decimal

_PATTERN = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_BINARY = {f"{letter}i": Decimal(2 ** (10 * power)) for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {
    letter: Decimal(10) ** power for letter, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}


def quantity(text: object) -> Decimal:
    """The number a quantity stands for.

    Raises:
        ValueError: it is none.
    """
    match = _PATTERN.fullmatch(str(text))
    if match is None or isinstance(text, bool):
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = match.groups()
    if suffix and suffix not in _BINARY and suffix not in _DECIMAL:
        return Decimal(number) * Decimal(10) ** int(suffix[1:])
    return Decimal(number) * (_BINARY | _DECIMAL).get(suffix or "", Decimal(1))


def canonical(value: object) -> str:
    """A quantity as the API server gives it back: `0.5` → `500m`, `1024Mi` → `1Gi`, `2000` → `2k`.

    Raises:
        ValueError: it is none.
    """
    return show(quantity(value), binary=str(value).endswith("i"))


def show(amount: Decimal, binary: bool) -> str:
    """The shortest exact way to write an amount.

    Args:
        binary: with powers of 1024, as sizes are written.
    """
    for suffix, size in reversed((_BINARY if binary else _DECIMAL).items()):
        if suffix not in "num" and amount and amount % size == 0:
            return f"{(amount / size).to_integral_value():f}{suffix}"
    for suffix, size in (("", Decimal(1)), *((each, _DECIMAL[each]) for each in "mun")):
        if (amount / size) == (amount / size).to_integral_value():
            return f"{(amount / size).to_integral_value():f}{suffix}"
    return f"{amount:f}"

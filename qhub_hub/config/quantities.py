"""Amounts as people write them: cores, bytes and seconds, each accepted as a number or as a suffixed string."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_BYTES = {
    "": 1,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

_CORES_PATTERN = r"^[0-9]+(\.[0-9]{1,3})?$|^[0-9]+m$"
_BYTES_PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|K|M|G|T|P)?$"
_SECONDS_PATTERN = r"^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"


def _number(value: Any) -> bool:
    # bool is an int in Python: `cpu: true` must not become one core.
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_cores(value: Any) -> float:
    """Cores from `2`, `0.5`, `"2"` or Kubernetes' `"500m"`.

    Raises:
        ValueError: neither a number nor such a string.
    """
    if _number(value):
        return float(value)
    if isinstance(value, str) and re.fullmatch(_CORES_PATTERN, value):
        return int(value[:-1]) / 1000 if value.endswith("m") else float(value)
    raise ValueError('cores must be a number or a string such as "500m"')


def parse_bytes(value: Any) -> int:
    """Bytes from a whole number or from `"4Gi"`, `"512Mi"`, `"2G"` (Kubernetes' suffixes).

    Raises:
        ValueError: neither a whole number nor such a string.
    """
    if _number(value) and value == int(value):
        return int(value)
    if isinstance(value, str) and (match := re.fullmatch(_BYTES_PATTERN, value)):
        suffix = match.group(2) or ""
        number = value.removesuffix(suffix)
        return int(number) * _BYTES[suffix] if number.isdigit() else int(float(number) * _BYTES[suffix])
    raise ValueError('a size must be bytes or a string such as "4Gi" or "512Mi"')


def parse_seconds(value: Any) -> int:
    """Seconds from a whole number or from `"90s"`, `"30m"`, `"1h30m"`, `"7d"`.

    Raises:
        ValueError: neither a whole number nor such a string.
    """
    if _number(value) and value == int(value):
        return int(value)
    if isinstance(value, str) and value and re.fullmatch(_SECONDS_PATTERN, value):
        return sum(int(n) * _SECONDS[unit] for n, unit in re.findall(r"([0-9]+)([smhdw])", value))
    raise ValueError('a duration must be seconds or a string such as "30m", "1h30m" or "7d"')


def _schema(pattern: str, number: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [{"type": number, "minimum": 0}, {"type": "string", "pattern": pattern}],
            "examples": list(examples),
        }
    )


Cores = Annotated[
    float,
    BeforeValidator(parse_cores),
    Field(gt=0, le=4096),
    _schema(_CORES_PATTERN, "number", "500m"),
]
"""Processor cores; more than 0."""

Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    Field(gt=0, le=2**60),
    _schema(_BYTES_PATTERN, "integer", "4Gi", "512Mi"),
]
"""Bytes; more than 0."""

Seconds = Annotated[
    int,
    BeforeValidator(parse_seconds),
    Field(ge=0, le=10 * 366 * 86400),
    _schema(_SECONDS_PATTERN, "integer", "30m", "1h30m", "7d"),
]
"""Seconds; 0 means never."""


def show_bytes(count: int) -> str:
    """The shortest exact-looking form people write: `4 GiB`, `512 MiB`, `1.5 GiB`."""
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"


def show_seconds(seconds: int) -> str:
    """`90` → `1 min 30 s`; at most two units, as people say it."""
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"

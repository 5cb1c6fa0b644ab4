"""What Helm keeps of its releases: Secrets that hold a packed JSON per revision."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qhub_hub.cli.diagnosis.snapshot import Object

_TYPE = "helm.sh/release.v1"
_LARGEST = 16 * 2**20  # bytes of a revision, unpacked; Kubernetes holds at most one MiB of it packed


@dataclass(frozen=True, slots=True)
class Revision:
    """One `helm install`, `upgrade` or `rollback`.

    Args:
        release: Helm's name of it.
        number: counted from 1.
        status: `deployed`, `superseded`, `failed`, `pending-install`, …
        chart: name of the chart; empty where it can't be read.
        values: what the administrator gave.
        applied: when; None where it can't be read.
    """

    release: str
    number: int
    status: str
    chart: str
    values: dict[str, Any]
    applied: datetime | None


def revisions(secrets: Iterable[Object]) -> list[Revision]:
    """Every revision that a namespace keeps, by release and number."""
    found = [_revision(secret) for secret in secrets if secret.get("type") == _TYPE]
    return sorted(found, key=lambda one: (one.release, one.number))


def newest(all_of_them: Iterable[Revision]) -> dict[str, Revision]:
    """The last revision of each release."""
    return {one.release: one for one in all_of_them}


def _revision(secret: Object) -> Revision:
    labels = secret["metadata"].get("labels") or {}
    packed = _payload((secret.get("data") or {}).get("release", ""))
    number = labels.get("version", "0")
    return Revision(
        release=labels.get("name", ""),
        number=int(number) if number.isdecimal() else 0,
        status=labels.get("status", ""),
        chart=str(packed.get("chart", {}).get("metadata", {}).get("name", "")),
        values=packed.get("config") or {},
        applied=_moment(packed.get("info", {}).get("last_deployed", "")),
    )


def _payload(data: str) -> dict[str, Any]:
    """Base64 of the Secret, base64 of Helm, gzip, JSON."""
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text = unpacker.decompress(base64.b64decode(base64.b64decode(data)), _LARGEST)
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except (binascii.Error, zlib.error, gzip.BadGzipFile, ValueError):
        return {}


def _moment(text: str) -> datetime | None:
    # Helm writes nanoseconds, of which Python reads the first six digits only.
    try:
        head, _, rest = text.partition(".")
        zone = rest.lstrip("0123456789") if rest else ""
        found = datetime.fromisoformat(f"{head}{zone}")
    except ValueError:
        return None
    return found if found.tzinfo else None

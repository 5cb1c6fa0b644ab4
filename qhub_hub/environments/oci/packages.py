"""What `conda-meta` says of the packages in an environment: their files, their platform, their age."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qhub_hub.environments.oci.layers import Package
from qhub_hub.environments.oci.prefix import FILE, Entry, Prefix
from qhub_hub.environments.oci.reference import ImageError

_FOLDER, _LARGEST = "conda-meta/", 64 * 2**20  # bytes of a record; a package has a hundred thousand files at most
_PLATFORMS = {
    "linux-64": "amd64",
    "linux-32": "386",
    "linux-aarch64": "arm64",
    "linux-armv7l": "arm",
    "linux-ppc64le": "ppc64le",
    "linux-riscv64": "riscv64",
    "linux-s390x": "s390x",
}
"""What the image specification calls conda's platforms."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The packages of an environment.

    Args:
        platforms: conda's names of those that they are for, but for `noarch`.
        newest: when the youngest of them was made; no other time is the same for everybody who installs them.
    """

    packages: tuple[Package, ...]
    platforms: tuple[str, ...]
    newest: datetime

    def architecture(self, otherwise: str) -> str:
        """What the image specification calls the processor that they are for.

        Args:
            otherwise: where they run on any.

        Raises:
            ImageError: images of Linux can't hold them.
        """
        if not self.platforms:
            return otherwise
        known = {_PLATFORMS.get(platform, "") for platform in self.platforms}
        if len(known) != 1 or "" in known:
            raise ImageError(
                f"The packages are for {', '.join(self.platforms):.200}. An image is for one platform of Linux."
            )
        return known.pop()


def read_packages(prefix: Prefix, entries: Iterable[Entry]) -> Installed:
    """What is installed. A record that can't be understood counts for nothing: its files belong to no package then.

    Raises:
        OSError: a record can't be read.
    """
    packages, platforms, newest = [], set(), 0.0
    for entry in entries:
        if entry.kind == FILE and entry.path.startswith(_FOLDER) and entry.path.endswith(".json"):
            try:
                record = json.loads(prefix.read(entry.path, _LARGEST))
                packages.append(_package(record))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            platforms.add(str(record.get("subdir") or "noarch"))
            newest = max(newest, _seconds(record.get("timestamp")))
    return Installed(tuple(packages), tuple(sorted(platforms - {"noarch"})), datetime.fromtimestamp(newest, UTC))


def _package(record: dict[str, Any]) -> Package:
    return Package(str(record["name"]), str(record["version"]), frozenset(map(str, record["files"])))


def _seconds(timestamp: Any) -> float:
    # In milliseconds since 2017, in seconds before: as conda reads it.
    if not isinstance(timestamp, int) or not 0 < timestamp < 253_402_300_800_000:
        return 0.0
    return float(timestamp if timestamp < 253_402_300_800 else timestamp // 1000)

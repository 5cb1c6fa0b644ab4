"""What lies beside a fetched package."""

import json
from os.path import getsize
from pathlib import Path
from typing import Any

__all__ = ["PackageCacheRecord", "PackageRecord", "getsize", "read_index_json", "write_as_json_to_file"]


class PackageRecord(dict[str, Any]):
    """Facts about a package."""

    @classmethod
    def from_objects(cls, *sources: dict[str, Any], **more: Any) -> "PackageRecord":
        """All that these say; later ones win."""
        record = cls()
        for source in (*sources, more):
            record.update(source)
        return record


class PackageCacheRecord(PackageRecord):
    """Facts about a fetched package."""


def read_index_json(folder: str) -> dict[str, Any]:
    """What an unpacked package says of itself."""
    content: dict[str, Any] = json.loads(Path(folder, "info/index.json").read_text(encoding="utf-8"))
    return content


def write_as_json_to_file(path: str, record: dict[str, Any]) -> None:
    """Write facts down."""
    Path(path).write_text(json.dumps(record), encoding="utf-8")

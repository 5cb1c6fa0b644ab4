import json
import os
from pathlib import Path
from typing import Any

getsize = os.path.getsize


def read_index_json(folder: str) -> dict[str, Any]:
    return json.loads((Path(folder) / "info" / "index.json").read_text())


class PackageRecord(dict):  # type: ignore[type-arg]
    @classmethod
    def from_objects(cls, *sources: dict[str, Any], **more: Any) -> "PackageRecord":
        record = cls()
        for source in (*sources, more):
            record.update(source)
        return record


class PackageCacheRecord(PackageRecord):
    pass


def write_as_json_to_file(path: str, record: dict[str, Any]) -> None:
    Path(path).write_text(json.dumps(record))

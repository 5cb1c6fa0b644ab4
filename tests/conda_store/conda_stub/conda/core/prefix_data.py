import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

_ASKED_FOR = {"constrains": [], "depends": [], "license": None, "license_family": None, "timestamp": None}


class PrefixData:
    def __init__(self, prefix: str) -> None:
        self._files = Path(prefix, "conda-meta")

    def load(self) -> None:
        self._records = [json.loads(path.read_text()) for path in sorted(self._files.glob("*.json"))]

    def iter_records(self) -> Iterator[SimpleNamespace]:
        for record in self._records:
            channel = SimpleNamespace(base_url=record["url"].rsplit("/", 2)[0])
            yield SimpleNamespace(**{**_ASKED_FOR, **record, "channel": channel})

"""What is installed in an environment."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

_ASKED_FOR: dict[str, object] = {
    "constrains": [],
    "depends": [],
    "license": None,
    "license_family": None,
    "timestamp": None,
}


class PrefixData:
    """An environment.

    Args:
        prefix: its folder.
    """

    def __init__(self, prefix: str) -> None:
        self._files = Path(prefix, "conda-meta")
        self._records: list[dict[str, object]] = []

    def load(self) -> None:
        """Read the records."""
        paths = sorted(self._files.glob("*.json"))
        self._records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def iter_records(self) -> Iterator[SimpleNamespace]:
        """What is known of each package."""
        for record in self._records:
            channel = SimpleNamespace(base_url=str(record["url"]).rsplit("/", 2)[0])
            yield SimpleNamespace(**{**_ASKED_FOR, **record, "channel": channel})

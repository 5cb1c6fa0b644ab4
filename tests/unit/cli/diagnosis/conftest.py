"""Objects as a real cluster gave them, in situations made on purpose; trimmed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.cli.diagnosis.snapshot import Snapshot

OBJECTS = Path(__file__).parent / "objects"

Recorded = Callable[..., Snapshot]


@pytest.fixture
def recorded() -> Recorded:
    """`recorded("images")` gives the situation of that name; keywords replace objects, by kind."""

    def read(name: str, **changed: list[dict[str, Any]]) -> Snapshot:
        found = json.loads((OBJECTS / f"{name}.json").read_text())
        objects = {kind: tuple(items) for kind, items in {**found["objects"], **changed}.items()}
        return Snapshot(found["namespace"], objects, logs=found["logs"])

    return read

"""What the room offers, and what importing it does not cost: conda-store's own Python imports it, too."""

import subprocess
import sys
from pathlib import Path

from qhub_hub import conda_store

HEAVY = (
    "jupyterhub",
    "traitlets",
    "tornado",
    "sqlalchemy",
    "rattler",
    "pydantic",
    "yaml",
    "requests",
    "conda_store_server",
)


def test_the_rooms_names_are_exactly_these() -> None:
    assert sorted(conda_store.__all__) == ["SERVICE", "Settings", "Values", "is_slug", "values_of"]
    assert all(getattr(conda_store, name) is not None for name in conda_store.__all__)


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = f"import sys, qhub_hub.conda_store; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_settings_and_values_are_read_as_they_were_written(tmp_path: Path) -> None:
    fields = dict.fromkeys(conda_store.Settings.__dataclass_fields__, "x") | {"port": 1}
    settings = conda_store.Settings(**fields)  # type: ignore[arg-type]
    (tmp_path / "settings").write_text(settings.text())
    assert conda_store.Settings.read(tmp_path / "settings") == settings
    values = conda_store.Values(("a",), {"b": "c"}, {"global/d": ["e"]}, {"f": 1}, 2, 3, 4)  # type: ignore[dict-item]
    (tmp_path / "values").write_text(values.text())
    assert conda_store.Values.read(tmp_path / "values") == values
    assert [values.room(name) for name in ("f", "user-ann", "global")] == [1, 3, 2]

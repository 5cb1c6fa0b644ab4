"""What the room offers, and what importing it does not cost."""

import subprocess
import sys

from qhub_hub import environments

HEAVY = ("jupyterhub", "traitlets", "tornado", "sqlalchemy", "rattler", "pydantic", "yaml", "asyncio")


def test_the_rooms_names_are_exactly_these() -> None:
    assert sorted(environments.__all__) == [
        "Catalogue",
        "Environment",
        "FAILED",
        "GLOBAL",
        "Kernel",
        "KnownEnvironments",
        "MANIFEST",
        "ManifestError",
        "Manifests",
        "READY",
        "group_namespace",
        "is_personal",
        "read_manifest",
        "user_namespace",
        "write_manifest",
    ]
    assert all(getattr(environments, name) is not None for name in environments.__all__)


def test_readers_load_nothing_heavy() -> None:
    code = f"import sys, qhub_hub.environments; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"

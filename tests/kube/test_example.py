"""The example plugin's own tests pass, as its author would run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples/hub-plugin"


def test_the_example_plugin_is_tested_with_the_kit(tmp_path: Path) -> None:
    folder = shutil.copytree(
        EXAMPLE, tmp_path / "plugin", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "KUBE"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} == {
        path.name for path in EXAMPLE.iterdir() if path.name not in ("__pycache__", ".pytest_cache")
    }, "the tests left files behind"

"""conda-store's programs in an environment of their own, made once and kept for the next run."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "images/conda-store/requirements.txt"


def programs() -> Path:
    """Folder with conda-store-server and conda-store-worker, as they come from PyPI: without conda."""
    wanted = REQUIREMENTS.read_bytes() + sys.version.encode()
    folder = ROOT / "build" / "conda-store" / hashlib.sha256(wanted).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            (folder / "done").touch()
    return folder / "bin"


def _install(folder: Path) -> None:
    def run(*command: object) -> None:
        ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert ended.returncode == 0, f"{command[0]} failed:\n{ended.stdout}\n{ended.stderr}"

    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", "--no-deps", "-r", REQUIREMENTS)

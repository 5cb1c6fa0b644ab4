"""conda-store's programs in an environment of their own, made once and kept for the next run."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_CONDA = '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -P {command} "$@"\n'


def programs() -> Path:
    """Folder with conda-store-server, conda-store-worker, conda and mamba."""
    wanted = (HERE / "requirements.txt").read_bytes() + sys.version.encode() + bytes(HERE)
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
    run(folder / "bin/pip", "install", "--quiet", "--no-deps", "-r", HERE / "requirements.txt")
    packages = next(folder.glob("lib/python3.*/site-packages"))
    # conda-store imports conda, which PyPI does not have, and calls it.
    (packages / "conda-stub.pth").write_text(f"{HERE / 'conda_stub'}\n")
    for name in ("conda", "mamba"):
        program = folder / "bin" / name
        program.write_text(_CONDA.format(command=HERE / "conda_command.py"))
        program.chmod(0o755)

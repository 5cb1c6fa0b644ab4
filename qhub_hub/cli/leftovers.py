"""What a killed hub left running: its proxy, which still holds the port."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

PATIENCE = 5.0  # seconds for the old proxy to end by itself


def end_old_proxy(pid_file: Path, installed: Path) -> None:
    """End the proxy of a hub that was killed, so that its port is free; does nothing where there is none.

    The hub would do that itself, but only after the port was found taken, and with waits of a second.

    Args:
        pid_file: says which process it was.
        installed: folder that its program lies in.
    """
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        pid_file.unlink(missing_ok=True)
        return
    # The number may be somebody else's by now, another hub's proxy's for example: only ours is ended.
    if os.fsencode(installed) + b"/" in command:
        from qhub_hub.hub.processes import wait_until_gone

        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            if asyncio.run(wait_until_gone(pid, PATIENCE)):
                break
    pid_file.unlink(missing_ok=True)

"""Names instead of numbers in terminals and kernels: nss_wrapper for the children of the server.

Where the image's passwd file names this user already (pods mount a generated one) there is nothing to do.
Elsewhere the spawner names two generated files, and programs started from the server read them through a
preloaded library. The server itself is never preloaded: the library may end the process it is in
(facts/identity-storage.md §2).
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from qhub_hub.installation.libraries import find_nss_wrapper

_FILES = ("NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")
_PATIENCE = 5.0  # seconds for one `id -un`; it takes some milliseconds
NOTICE = "QHUB_NAMES_NOTICE"


class Names:
    """Finds out whether this person's name resolves, beside whatever the caller does meanwhile.

    Args:
        env: the server's environment; read only.
        library: libnss_wrapper; None: where the distribution keeps it.
    """

    def __init__(self, env: Mapping[str, str], library: Path | None = None) -> None:
        self._user = env.get("USER", "")
        self._reason = ""
        self._preload = ""
        self._canary: subprocess.Popen[str] | None = None
        if _named_by_system(self._user):
            return
        library = library or find_nss_wrapper()
        if missing := [name for name in _FILES if not env.get(name)]:
            self._reason = f"{missing[0]} is not set"
        elif unreadable := [env[name] for name in _FILES if not os.access(env[name], os.R_OK)]:
            self._reason = f"{unreadable[0]} can't be read"
        elif library is None:
            self._reason = "libnss_wrapper is not installed on this machine (Debian: libnss-wrapper)"
        else:
            # Prepended, never replaced: others may preload theirs (facts/identity-storage.md §2).
            self._preload = ":".join(filter(None, (str(library), env.get("LD_PRELOAD", ""))))
            self._ask({**env, "LD_PRELOAD": self._preload})

    def give_to_children(self, env: MutableMapping[str, str]) -> str:
        """Make programs started from now on resolve names, if that works here.

        Args:
            env: the server's environment; `LD_PRELOAD` or `QHUB_NAMES_NOTICE` is set in it.

        Returns:
            A sentence for the person if names are shown as numbers; empty if they resolve.
        """
        if self._canary is not None:
            self._reason = self._answer(self._canary)
        if self._reason:
            env[NOTICE] = f"In terminals names are shown as numbers because {self._reason}."
            return env[NOTICE]
        if self._preload:
            env["LD_PRELOAD"] = self._preload
        return ""

    def _ask(self, env: Mapping[str, str]) -> None:
        try:
            self._canary = subprocess.Popen(
                ["id", "-un"],  # noqa: S607 - a foreign image may keep it anywhere on PATH
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
        except OSError:
            self._reason = "the command id, which the name library is tried with, can't be run"

    def _answer(self, canary: "subprocess.Popen[str]") -> str:
        try:
            name = canary.communicate(timeout=_PATIENCE)[0].strip()
        except subprocess.TimeoutExpired:
            canary.kill()
            canary.communicate()
            return f"looking one up took more than {_PATIENCE:g} s"
        if canary.returncode or name != self._user:
            return f"the name files don't say that user id {os.getuid()} is {self._user!r}"
        return ""


def _named_by_system(user: str) -> bool:
    try:
        return pwd.getpwuid(os.getuid()).pw_name == user
    except KeyError:
        return False

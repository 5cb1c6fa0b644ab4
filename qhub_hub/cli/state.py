"""The state folder of one machine: everything `qhub up` must find again the next time."""

import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qhub_hub.cli.console import CommandError

VERSION = "1"
"""Of the folder's layout. Another is refused: a newer QHub may have written what this one does not understand."""

_WORDS = {
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EEXIST: "something else is in its place",
}


def default_state() -> Path:
    """`/var/lib/qhub` for root, the XDG state folder for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/qhub")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "qhub"


class StateFolder:
    """The folder and the names in it. Other people can pass through it to their home, and read nothing else.

    Args:
        path: the folder; made when missing.

    Raises:
        CommandError: it can't be made or written, another QHub made it, or `qhub up` runs on it already.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.files = self.path / "files"
        databases = self.path / "databases"
        self.database = databases / "hub.sqlite"
        self.identities = databases / "identities.sqlite"
        self.proxy = self.path / "proxy"
        self.logs = self.path / "logs"
        self.names = self.path / "names"
        self._secrets = self.path / "secrets"
        with told(f"The state folder {self.path} can't be used"):
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_version()
            self.path.chmod(0o711)
            for folder, mode in ((self._secrets, 0o700), (databases, 0o700), (self.logs, 0o700), (self.names, 0o711)):
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
            for folder in (self.files, self.proxy):
                folder.mkdir(exist_ok=True)

    def _check_version(self) -> None:
        mark = self.path / "version"
        if mark.exists():
            found = mark.read_text(errors="replace").strip()
            if found != VERSION:
                raise CommandError(
                    f"The state folder {self.path} was made by another version of QHub "
                    f"(layout {found[:20]!r}, this one knows {VERSION!r}).\n"
                    "hint: install the version that made it, or choose another folder with --state."
                )
            return
        if strange := sorted(entry.name for entry in self.path.iterdir())[:3]:
            raise CommandError(
                f"The folder {self.path} is not empty and not a QHub state folder (found {', '.join(strange)}).\n"
                "hint: choose another folder with --state."
            )
        mark.write_text(VERSION + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second `qhub up` away from this folder.

        Raises:
            CommandError: one runs already.
        """
        with (self.path / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    f"`qhub up` is running on {self.path} already.\n"
                    "hint: stop it with Ctrl-C, or choose another folder with --state."
                ) from None
            yield

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> str:
        """A secret that is made once and kept in a file that only its owner can read."""
        path = self.secret_path(name)
        with told(f"The secret {path} can't be kept"):
            if not path.exists():
                # Written whole before it gets its name: a full disk must not leave half a password behind.
                draft = path.with_suffix(".new")
                draft.unlink(missing_ok=True)
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(make() + "\n")
                draft.rename(path)
            return path.read_text().strip()

    def secret_path(self, name: str) -> Path:
        """Where a secret is kept."""
        return self._secrets / name


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn an operating system's error into a sentence that begins with `what`."""
    try:
        yield
    except OSError as error:
        why = _WORDS.get(error.errno or 0, os.strerror(error.errno) if error.errno else "unknown reason")
        raise CommandError(
            f"{what}: {why}.\nhint: make it writable, free some space, or choose another folder with --state."
        ) from error

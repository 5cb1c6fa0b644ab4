"""The state folder of one machine: everything `qhub up` must find again the next time."""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qhub_hub.cli.console import CommandError

VERSION = "1"
"""Of the folder's layout. Another is refused: a newer QHub may have written what this one does not understand."""

SHORTEST_SECRET = 16
"""Characters; what is made is longer."""

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
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "qhub"
    except RuntimeError:
        raise CommandError(
            "There is no folder to keep anything in: HOME is not set, and this user has no home.\n"
            "hint: choose a folder with --state."
        ) from None


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
        self.usage = databases / "usage.sqlite"
        self.proxy = self.path / "proxy"
        self.logs = self.path / "logs"
        self.names = self.path / "names"
        self._secrets = self.path / "secrets"
        with told(f"The state folder {self.path} can't be used"):
            self.path.mkdir(parents=True, exist_ok=True)
            _require_own(self.path)
            self._check_version()
            self.path.chmod(0o711)
            for folder, mode in (
                *((self._secrets, 0o700), (databases, 0o700), (self.logs, 0o700)),
                # Servers pass through these, and the proxy runs as nobody.
                *((self.names, 0o711), (self.files, 0o755), (self.proxy, 0o755)),
            ):
                folder.mkdir(exist_ok=True)
                _require_own(folder)
                folder.chmod(mode)

    def _check_version(self) -> None:
        mark = self.path / "version"
        found = mark.read_text(errors="replace").strip() if mark.exists() else ""
        if found:
            if found != VERSION:
                raise CommandError(
                    f"The state folder {self.path} was made by another version of QHub "
                    f"(layout {found[:20]!r}, this one knows {VERSION!r}).\n"
                    "hint: install the version that made it, or choose another folder with --state."
                )
            return
        # An empty mark is of a start for which the disk was full.
        if strange := sorted(entry.name for entry in self.path.iterdir() if entry != mark)[:3]:
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
                write_closed(path, make() + "\n")
            path.chmod(0o600)
            found = path.read_text(errors="replace").strip()
        if len(found) < SHORTEST_SECRET:
            raise CommandError(
                f"The secret in {path} is damaged: it has {len(found)} characters.\n"
                "hint: remove the file, and the next start makes another."
            )
        return found

    def secret_path(self, name: str) -> Path:
        """Where a secret is kept."""
        return self._secrets / name


def write_closed(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole before it gets its name: a full disk leaves no half of it.

    Raises:
        OSError: nothing was written.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    draft.rename(path)


def _require_own(folder: Path) -> None:
    """Another user could exchange what is in their folder, or read it."""
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise CommandError(
            f"The state folder can't be used: {folder} belongs to the user with the id {owner}, and QHub runs as "
            f"{os.geteuid()}.\n"
            "hint: run QHub as the user who made it, or choose another folder with --state."
        )


def hub_mark(state: StateFolder) -> str:
    """A short text that is this state folder's and no other's."""
    return "qhub-" + hashlib.sha256(os.fsencode(state.path)).hexdigest()[:12]


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

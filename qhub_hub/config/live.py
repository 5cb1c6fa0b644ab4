"""The configuration in force while files change under a running process."""

import hashlib
import os
import time
from collections.abc import Callable
from functools import partial

from qhub_hub.config.loading import Values, load_values
from qhub_hub.config.problems import ConfigError, Path, Problem

RESTART_KEYS = (
    "jupyterhub",
    "dask-gateway",
    "qhub.name",
    "qhub.identity",
    "qhub.signIn",
    "qhub.environments.provider",
    "qhub.environments.condaStore",
)
"""Keys that the hub reads once, when it starts: a change of theirs needs a restart, all others do not."""

_LIVE_SIGN_IN = {"allow", "allowed_groups", "blocked", "groups", "group_names"}
"""Parts of `qhub.signIn` that are asked for anew at every sign-in: they need no restart."""

_COARSE = 2 * 10**9  # nanoseconds; file systems stamp times in steps of up to 2 s

Mark = tuple[tuple[object, ...], ...]


class LiveConfig:
    """The last good values of some files; a broken or vanished file changes nothing but `problems`.

    Nothing runs by itself: call `refresh()` from a timer. It is not for use by several threads.

    Args:
        paths: values files in the order of Helm's `-f`.
        defaults: whether the packaged values lie under them.
        inside: where in the files the values are, see `load_values`.

    Raises:
        ConfigError: the files are not usable now, so there is no last good state to keep.
    """

    def __init__(self, *paths: str | os.PathLike[str], defaults: bool = True, inside: Path = ()) -> None:
        self._paths = tuple(os.fspath(path) for path in paths)
        self._load = partial(load_values, *self._paths, defaults=defaults, inside=inside)
        self._callbacks: list[Callable[[Values, Values], None]] = []
        self._problems: tuple[Problem, ...] = ()
        self._seen: Mark = ()
        self._content = b""
        self._settled = False
        self._remember(self._mark())
        self._current = self._at_start = self._load()

    @property
    def current(self) -> Values:
        """The values in force."""
        return self._current

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the files as they are now are not in force; empty while they are."""
        return self._problems

    @property
    def restart_needed(self) -> tuple[str, ...]:
        """Those of `RESTART_KEYS` whose values differ from the ones that this process started with."""
        before, now = self._at_start, self._current
        changed = {
            "jupyterhub": before.jupyterhub != now.jupyterhub,
            "dask-gateway": before.dask_gateway != now.dask_gateway,
            "qhub.name": before.qhub.name != now.qhub.name,
            "qhub.identity": before.qhub.identity != now.qhub.identity,
            "qhub.signIn": _fixed_at_start(before) != _fixed_at_start(now),
            "qhub.environments.provider": before.qhub.environments.provider != now.qhub.environments.provider,
            "qhub.environments.condaStore": before.qhub.environments.conda_store != now.qhub.environments.conda_store,
        }
        return tuple(key for key in RESTART_KEYS if changed[key])

    def on_change(self, callback: Callable[[Values, Values], None]) -> None:
        """Have a function called with the old and the new values after each change. It must not raise."""
        self._callbacks.append(callback)

    def refresh(self) -> bool:
        """Look at the files; a few `stat` calls unless one changed.

        Returns:
            Whether `current` or `problems` changed.
        """
        mark = self._mark()
        if mark == self._seen and (self._settled or self._digest() == self._content):
            self._settled = self._settled or self._is_old(mark)
            return False
        self._remember(mark)
        try:
            values = self._load()
        except ConfigError as error:
            known, self._problems = self._problems, error.problems
            return known != error.problems
        had_problems, self._problems = bool(self._problems), ()
        before, self._current = self._current, values
        if before == values:
            return had_problems
        for callback in self._callbacks:
            callback(before, values)
        return True

    def _mark(self) -> Mark:
        return tuple(_mark_of(path) for path in self._paths)

    def _remember(self, mark: Mark) -> None:
        # Taken before the files are read: what changes during the reading is noticed the next time.
        self._seen = mark
        self._content = self._digest()
        self._settled = self._is_old(mark)

    @staticmethod
    def _is_old(mark: Mark) -> bool:
        """Whether a later write must get another time stamp; until then contents are compared, as git does."""
        stamps = [stamp for entry in mark for stamp in entry[-2:] if isinstance(stamp, int)]
        return time.time_ns() - max(stamps, default=0) > _COARSE

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except OSError as error:
                digest.update(f"{error.errno}".encode())
        return digest.digest()


def _fixed_at_start(values: Values) -> object:
    return values.qhub.sign_in.model_copy(update=dict.fromkeys(_LIVE_SIGN_IN))


def _mark_of(path: str) -> tuple[object, ...]:
    # realpath: Kubernetes swaps the link `..data` to a new directory, and inode numbers may be used again.
    try:
        state = os.stat(path)
    except OSError as error:
        return (os.path.realpath(path), error.errno)
    return (
        os.path.realpath(path),
        state.st_dev,
        state.st_ino,
        state.st_size,
        state.st_mode,
        state.st_mtime_ns,
        state.st_ctime_ns,
    )

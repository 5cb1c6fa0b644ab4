"""What people's own files ask for besides builds: a word where one can't be built, and room once it is taken away."""

from datetime import UTC, datetime, timedelta
from logging import Logger

from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.garbage import remove
from qhub_hub.environments.personal import Wishes

_GONE_AFTER = timedelta(seconds=60)
"""How long a file must be away before its environment goes: programs that write files take them away for a moment."""


class Upkeep:
    """Looks after the namespaces of people.

    Args:
        builds: where.
        log: is told what happens, for administrators.
    """

    def __init__(self, builds: Builds, log: Logger) -> None:
        self._builds = builds
        self._log = log
        self._missed: dict[str, datetime] = {}
        self._settled: set[str] = set()

    @property
    def waits(self) -> bool:
        """Whether something is to be looked at again soon."""
        return bool(self._missed)

    def settle(self, wishes: Wishes, stated: frozenset[str]) -> None:
        """Say what can't be built, take back what was said of files that are gone, and remove what nobody wants.

        Args:
            stated: `<namespace>/<name>` of everything that is wanted, whoever says so.
        """
        namespace, complaints = wishes.namespace, dict(wishes.complaints)
        for name, sentence in complaints.items():
            self._builds.complain(namespace, name, sentence)
            self._settled.discard(f"{namespace}/{name}")
        for name in self._builds.names(namespace):
            key = f"{namespace}/{name}"
            if name in complaints or key in stated:
                self._missed.pop(key, None)
                if name not in complaints and key not in self._settled:
                    self._settled.add(key)
                    self._builds.take_back(namespace, name)
            elif not self._builds.records(namespace, name):
                self._builds.forget(namespace, name)
            elif datetime.now(UTC) - self._missed.setdefault(key, datetime.now(UTC)) > _GONE_AFTER:
                self._remove(namespace, name)

    def _remove(self, namespace: str, name: str) -> None:
        try:
            remove(self._builds, namespace, name)
            self._log.info("Removed %s/%s: its file is gone", namespace, name)
        except BuildError as error:
            self._log.info("%s", error)
        self._missed.pop(f"{namespace}/{name}", None)

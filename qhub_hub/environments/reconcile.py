"""Builds what is wanted and not there: declared environments, and those that files in watched folders describe."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from logging import Logger

from qhub_hub.config.models import Config
from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build, prepare, told
from qhub_hub.environments.builds import Build, BuildError, Builds
from qhub_hub.environments.garbage import collect
from qhub_hub.environments.manifest import FAILED
from qhub_hub.environments.specification import FOLDER, Specification, declared, watched

_AGAIN_AFTER = timedelta(minutes=10)
"""When a build that failed for a reason that may have passed is tried again."""


def wanted(builds: Builds, config: Config) -> tuple[tuple[Specification, ...], tuple[str, ...]]:
    """Every environment that should be there, and a sentence for every file that describes none.

    What the values file declares wins over a file of the same name.
    """
    found = {specification.key: specification for specification in declared(config.environments)}
    problems: list[str] = []
    if config.environments.watch:
        for namespace in builds.namespaces():
            specifications, complaints = watched(config.environments, builds.namespace(namespace))
            problems.extend(complaints)
            for specification in specifications:
                found.setdefault(specification.key, specification)
    return tuple(found.values()), tuple(problems)


def room_of(config: Config, namespace: str) -> Room:
    """How much the builds of a namespace may take."""
    stated = config.environments.namespaces.get(namespace)
    own = stated.quota if stated is not None else None
    return Room(own or config.environments.quota, config.environments.keep.min_free)


def is_due(specification: Specification, records: tuple[Build, ...], now: datetime) -> bool:
    """Whether an environment is to be built: never tried as it is now, or failed for a reason that may have passed."""
    if not records or records[-1].digest != specification.digest:
        return True
    last = records[-1]
    return last.status == FAILED and last.again and last.begun + _AGAIN_AFTER < now


class Reconciler:
    """Looks what is wanted, and builds it, one after the other.

    Args:
        builds: where.
        config: gives the values in force.
        access: says who may see a namespace.
        log: is told what happens, for administrators.
    """

    def __init__(
        self, builds: Builds, config: Callable[[], Config], access: Callable[[str], Access], log: Logger
    ) -> None:
        self._builds = builds
        self._config = config
        self._access = access
        self._log = log
        self._seen: object = None
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._complained: tuple[str, ...] = ()

    def look(self) -> None:
        """Do what is due. Cheap where nothing has changed since the last look.

        Raises:
            BuildError: the folder of environments can't be used.
        """
        config, now = self._config(), datetime.now(UTC)
        mark = (config, *self._marks())
        if mark == self._seen and now < self._looked + _AGAIN_AFTER:
            return
        self._prepare(config)
        specifications, problems = wanted(self._builds, config)
        self._seen, self._looked = (config, *self._marks()), now
        if problems != self._complained:
            self._complained = problems
            for problem in problems:
                self._log.error("%s", problem)
        for specification in specifications:
            records = self._builds.records(specification.namespace, specification.name)
            if is_due(specification, records, now):
                self._build(specification, config)

    def _prepare(self, config: Config) -> None:
        there = {key.partition("/")[0] for key in config.environments.declared}
        with told(f"The environments in {self._builds.root} can't be prepared"):
            for namespace in sorted({*there, *config.environments.namespaces, *self._builds.namespaces()}):
                # Again for those that are there: who may see them may have changed.
                prepare(self._builds, namespace, self._access(namespace))

    def _build(self, specification: Specification, config: Config) -> None:
        namespace, name = specification.namespace, specification.name
        self._log.info("Building the environment %s (%s)", specification.key, specification.source)
        try:
            done = build(self._builds, specification, self._access(namespace), room_of(config, namespace))
            if done.status == FAILED:
                self._log.error("The environment %s could not be built: %s", specification.key, done.message)
            else:
                self._log.info("The environment %s is ready after %.0f s", specification.key, done.seconds)
            collect(self._builds, namespace, name, config.environments.keep)
        except BuildError as error:
            self._log.error("%s", error)

    def _marks(self) -> Iterator[tuple[str, int, int]]:
        """What changes when a watched folder, or a file in it, does."""
        for namespace in self._builds.namespaces():
            folder = self._builds.namespace(namespace) / FOLDER
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        state = entry.stat(follow_symlinks=False)
                        yield (entry.path, state.st_mtime_ns, state.st_size)
            except OSError:
                continue

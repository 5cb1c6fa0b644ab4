"""Builds what is wanted and not there: declared environments, and those that files in watched folders describe."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from logging import Logger

from qhub_hub.config.models import Config
from qhub_hub.environments.access import Access
from qhub_hub.environments.building import Room, build, prepare, told
from qhub_hub.environments.builds import BeingBuilt, Build, BuildError, Builds
from qhub_hub.environments.garbage import collect
from qhub_hub.environments.manifest import FAILED
from qhub_hub.environments.namespaces import is_personal
from qhub_hub.environments.personal import PersonalFolders, Wishes
from qhub_hub.environments.records import ENDED
from qhub_hub.environments.specification import FOLDER, Specification, declared, watched
from qhub_hub.environments.upkeep import Upkeep

_AGAIN_AFTER = timedelta(minutes=10)
"""When a build that failed for a reason that may have passed is tried again."""


def wanted(
    builds: Builds, config: Config, wishes: Iterable[Wishes] = ()
) -> tuple[tuple[Specification, ...], tuple[str, ...]]:
    """Every environment that should be there, and a sentence for every file that describes none.

    What the values file declares wins over a file of the same name, and comes first; then watched folders, then
    everybody's own first file, second file, and so on.

    Args:
        wishes: what people want; of their files that describe nothing no sentence is returned.
    """
    found = {specification.key: specification for specification in declared(config.environments)}
    problems: list[str] = []
    if config.environments.watch:
        for namespace in builds.namespaces():
            specifications, complaints = watched(config.environments, builds.namespace(namespace))
            problems.extend(complaints)
            for specification in specifications:
                found.setdefault(specification.key, specification)
    for turn in zip_longest(*(one.specifications for one in wishes)):
        for specification in filter(None, turn):
            found.setdefault(specification.key, specification)
    return tuple(found.values()), tuple(problems)


def room_of(config: Config, namespace: str) -> Room:
    """How much the builds of a namespace may take."""
    stated = config.environments.namespaces.get(namespace)
    own = stated.quota if stated is not None else None
    usual = config.environments.personal.quota if is_personal(namespace) else config.environments.quota
    return Room(own or usual, config.environments.keep.min_free)


def is_due(specification: Specification, records: tuple[Build, ...], now: datetime) -> bool:
    """Whether an environment is to be built: never tried as it is now, or failed for a reason that may have passed."""
    if not records or records[-1].digest != specification.digest:
        return True
    last = records[-1]
    if last.status != FAILED or not last.again:
        return False
    # Whoever ended it may have meant the machine or the pod, not this build. Twice in a row, it may be its own fault.
    twice = len(records) > 1 and records[-2].message == ENDED
    return (last.message == ENDED and not twice) or last.begun + _AGAIN_AFTER < now


class Reconciler:
    """Looks what is wanted, and builds it, one after the other.

    Args:
        builds: where.
        config: gives the values in force.
        access: says who may see a namespace.
        log: is told what happens, for administrators.
        homes: people's own folders; None: nobody has one here.
    """

    def __init__(
        self,
        builds: Builds,
        config: Callable[[], Config],
        access: Callable[[str], Access],
        log: Logger,
        homes: PersonalFolders | None = None,
    ) -> None:
        self._builds = builds
        self._config = config
        self._access = access
        self._log = log
        self._seen: object = None
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._complained: dict[str, tuple[str, ...]] = {}
        self._interrupted = False
        self._homes = homes
        self._upkeep = Upkeep(builds, log)

    def look(self) -> None:
        """Do what is due. Cheap where nothing has changed since the last look."""
        now = datetime.now(UTC)
        if (self._config(), *self._marks()) == self._seen and now < self._looked + _AGAIN_AFTER:
            return
        self._note_abandoned()
        tried: set[str] = set()
        # Asked anew after every build, which takes minutes: values and files may be others by then.
        while (specification := self._next(tried)) is not None:
            tried.add(specification.key)
            self._build(specification, self._config())
        if self._interrupted or self._upkeep.waits or self._complained.get("folders"):
            self._seen, self._interrupted = None, False

    def _note_abandoned(self) -> None:
        """Once: say of builds that an earlier run of this program left that they were ended."""
        if self._looked.year > 1:
            return
        for namespace in self._builds.namespaces():
            for name in self._builds.names(namespace):
                try:
                    with told(f"What a killed build of {namespace}/{name} left can't be removed"):
                        self._builds.note_abandoned(namespace, name)
                except BuildError as error:
                    self._log.warning("%s", error)

    def _next(self, tried: set[str]) -> Specification | None:
        config, now = self._config(), datetime.now(UTC)
        # Before anything is read: what changes meanwhile is noticed the next time.
        self._seen, self._looked = (config, *self._marks()), now
        wishes = self._wishes(config)
        usable = self._prepare(config, wishes)
        specifications, problems = wanted(self._builds, config, wishes)
        self._complain("files", problems)
        self._settle(wishes, specifications, usable)
        for one in specifications:
            records = self._builds.records(one.namespace, one.name)
            if one.key not in tried and one.namespace in usable and is_due(one, records, now):
                return one
        return None

    def _wishes(self, config: Config) -> tuple[Wishes, ...]:
        if self._homes is None or not config.environments.personal.enabled:
            return ()
        there = set(self._builds.namespaces())
        # Whoever never wanted anything gets no folder.
        return tuple(
            one
            for one in self._homes.wishes(config.environments)
            if one.specifications or one.complaints or one.namespace in there
        )

    def _settle(
        self, wishes: tuple[Wishes, ...], specifications: tuple[Specification, ...], usable: frozenset[str]
    ) -> None:
        stated = frozenset(one.key for one in specifications)
        for one in wishes:
            if one.namespace in usable:
                try:
                    with told(f"The environments in {self._builds.root / one.namespace} can't be looked after"):
                        self._upkeep.settle(one, stated)
                except BuildError as error:
                    self._log.error("%s", error)

    def _prepare(self, config: Config, wishes: tuple[Wishes, ...]) -> frozenset[str]:
        """Make the folders of all namespaces; returns those that can be used."""
        there = {key.partition("/")[0] for key in config.environments.declared}
        there |= {one.namespace for one in wishes}
        usable, problems = [], []
        for namespace in sorted({*there, *config.environments.namespaces, *self._builds.namespaces()}):
            try:
                with told(f"The environments in {self._builds.root / namespace} can't be prepared"):
                    # Again for those that are there: who may see them may have changed.
                    prepare(self._builds, namespace, self._access(namespace))
                usable.append(namespace)
            except BuildError as error:
                problems.append(str(error))
        self._complain("folders", tuple(problems))
        return frozenset(usable)

    def _complain(self, about: str, problems: tuple[str, ...]) -> None:
        """Write problems to the log, once."""
        if problems != self._complained.get(about, ()):
            self._complained[about] = problems
            for problem in problems:
                self._log.error("%s", problem)

    def _build(self, specification: Specification, config: Config) -> None:
        namespace, name, key = specification.namespace, specification.name, specification.key
        self._log.info("Building the environment %s (%s)", key, specification.source)
        try:
            done = build(
                self._builds,
                specification,
                self._access(namespace),
                room_of(config, namespace),
                lambda said: self._log.info("%s: %s", key, said),
            )
            self._interrupted |= done.message == ENDED
            if done.status == FAILED:
                self._log.error("The environment %s could not be built: %s", key, done.message)
            collect(self._builds, namespace, name, config.environments.keep)
        except BeingBuilt as error:
            self._log.info("%s", error)
        except BuildError as error:
            self._log.error("%s", error)
            # Where not even this can be written, the log has it.
            with contextlib.suppress(OSError):
                self._builds.complain(namespace, name, str(error))

    def _marks(self) -> Iterator[tuple[object, ...]]:
        """What changes when a watched folder, or a file in it, does."""
        if self._homes is not None:
            yield from self._homes.marks()
        for namespace in self._builds.namespaces():
            folder = self._builds.namespace(namespace) / FOLDER
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        state = entry.stat(follow_symlinks=False)
                        yield (entry.path, state.st_mtime_ns, state.st_size)
            except OSError:
                continue

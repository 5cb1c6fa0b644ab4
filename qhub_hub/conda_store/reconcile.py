"""Keeps conda-store and the manifests as the values say: orders what is declared, publishes what was built."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from logging import Logger
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from qhub_hub.conda_store.declarations import Declarations, Standing
from qhub_hub.conda_store.inspection import inspect
from qhub_hub.conda_store.names import is_slug
from qhub_hub.conda_store.publish import Known, prefixes_in, publish
from qhub_hub.conda_store.reasons import Reason, reason_of
from qhub_hub.conda_store.rest import Build, CondaStore, Listed, Refused, Unavailable
from qhub_hub.conda_store.retention import clear, superseded, unused
from qhub_hub.conda_store.settings import values_of
from qhub_hub.config.models import Config
from qhub_hub.environments.access import BUILDER, Access
from qhub_hub.environments.building import prepare, told
from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.manifest import write_whole

_LOOK_ANYWAY = 60.0  # seconds; builds in use, and time that has passed, show in no file
_REST = 3.0  # times as long as a look has taken, nothing is looked at


@dataclass(frozen=True)
class Place:
    """Where conda-store is.

    Args:
        builds: the folder of all namespaces.
        values: file from which conda-store learns what it may build.
        database: its own; looked at for whether something has happened, never opened.
        own_ids: whether it runs as a user of its own.
    """

    builds: Builds
    values: Path
    database: Path
    own_ids: bool


class Reconciler:
    """Looks at conda-store, and does what is due.

    Args:
        rest: conda-store.
        place: its files.
        config: gives the values in force.
        access: says who may see a namespace.
        log: is told what happens, for administrators.
    """

    def __init__(
        self, rest: CondaStore, place: Place, config: Callable[[], Config], access: Callable[[str], Access], log: Logger
    ) -> None:
        self._rest = rest
        self._place = place
        self._config = config
        self._access = access
        self._log = log
        self._seen: object = None
        self._looked = self._resting = -_LOOK_ANYWAY
        self._builds: dict[int, Build] = {}
        self._names: Mapping[int, tuple[str, str]] = {}
        self._reasons: dict[Build, Reason] = {}
        self._declarations = Declarations(rest, log)
        self._said = ""

    def look(self) -> None:
        """Do what is due. Cheap where nothing has changed since the last look."""
        config, begun = self._config(), monotonic()
        seen = (config.environments, config.groups, config.users, self._mark())
        if begun < self._resting or (seen == self._seen and begun < self._looked + _LOOK_ANYWAY):
            return
        try:
            self._follow(config, {key.partition("/")[0] for key in config.environments.declared})
            listed = self._rest.environments()
            self._follow(config, self._rest.namespaces())
            self._learn(listed)
            left = self._declarations.order(config.environments, self._last_builds(listed))
            self._publish(config, listed)
            self._make_room(config)
        except Unavailable as error:
            self._say(f"{error}; environments that were built stay usable. It is asked again.")
            return
        self._say(left)
        if not left:
            self._seen, self._looked = seen, begun
        self._resting = monotonic() + _REST * (monotonic() - begun)

    def _mark(self) -> tuple[int, ...]:
        """What changes when something happens in conda-store."""
        try:
            state = self._place.database.stat()
        except OSError:
            return ()
        return (state.st_ino, state.st_size, state.st_mtime_ns)

    def _say(self, sentence: str) -> None:
        """Write into the log what keeps this from working, once."""
        if sentence and sentence != self._said:
            self._log.warning("%s", sentence)
        self._said = sentence

    def _follow(self, config: Config, namespaces: Any) -> None:
        """Let conda-store know the values, and have a folder for every namespace."""
        text = values_of(config.environments).text()
        if not self._place.values.exists() or self._place.values.read_text(encoding="utf-8") != text:
            write_whole(self._place.values, text, 0o640)
            if self._place.own_ids:
                os.chown(self._place.values, 0, BUILDER)
        for namespace in sorted({*config.environments.namespaces, *namespaces}):
            if is_slug(namespace):
                try:
                    with told(f"The environments in {self._place.builds.root / namespace} can't be prepared"):
                        self._prepare(namespace)
                except BuildError as error:
                    self._log.error("%s", error)

    def _prepare(self, namespace: str) -> None:
        builds = self._place.builds
        access = self._access(namespace)
        if not access.everybody:
            # Its processes are in no group of people's.
            access = replace(access, gids=(*access.gids, BUILDER))
        prepare(builds, namespace, access)
        if self._place.own_ids:
            for part in ("builds", "envs"):
                os.chown(builds.namespace(namespace) / part, BUILDER, BUILDER)

    def _learn(self, listed: tuple[Listed, ...]) -> None:
        """What has become of builds that were not over, which are new, and why the last ones failed."""
        names = {one.id: (one.namespace, one.name) for one in listed}
        # Numbers of what was deleted are given out again: what was known by them is not true of the new ones.
        known = {
            number: build
            for number, build in self._builds.items()
            if build.environment in names and names[build.environment] == self._names.get(build.environment)
        }
        self._names = names
        unfinished = min((build.id for build in known.values() if not build.is_over), default=inf)
        seen: dict[int, Build] = {}
        for build in self._rest.builds():
            seen[build.id] = build
            if build == known.get(build.id) and build.id < unfinished:
                break
        lowest = min(seen, default=inf)
        self._builds = {number: build for number, build in known.items() if number < lowest} | seen
        last = [builds[-1] for builds in self._by_environment().values()]
        self._reasons = {
            build: self._reasons.get(build) or reason_of(build, "" if build.info else self._rest.log(build.id))
            for build in last
            if build.status == "FAILED"
        }

    def _last_builds(self, listed: tuple[Listed, ...]) -> dict[tuple[str, str], Standing]:
        builds = self._by_environment()
        found = {}
        for one in listed:
            last = builds[one.id][-1] if builds.get(one.id) else None
            found[one.namespace, one.name] = Standing(one, last, self._reasons.get(last) if last else None)
        return found

    def _by_environment(self) -> Mapping[int, list[Build]]:
        """Builds of every environment, oldest first."""
        found: defaultdict[int, list[Build]] = defaultdict(list)
        for number in sorted(self._builds):
            found[self._builds[number].environment].append(self._builds[number])
        return found

    def _publish(self, config: Config, listed: tuple[Listed, ...]) -> None:
        builds = self._by_environment()
        namespaces: defaultdict[str, list[Listed]] = defaultdict(list)
        for one in listed:
            if is_slug(one.namespace) and is_slug(one.name):
                namespaces[one.namespace].append(one)
        for namespace in sorted({*namespaces, *self._place.builds.namespaces()}):
            folder = self._place.builds.namespace(namespace)
            known = [self._known(one, builds.get(one.id, [])) for one in namespaces[namespace]]
            there = {one.listed.name for one in known}
            refused = self._declarations.refused_in(namespace)
            complaints = {name: why for name, why in refused.items() if name not in there}
            try:
                if known or complaints or (folder / "envs").is_dir():
                    publish(folder, known, complaints, partial(inspect, own_ids=self._place.own_ids))
                    self._tidy(config, folder, namespaces[namespace], builds)
            except OSError as error:
                self._log.error("The manifest in %s can't be written: %s", folder, os.strerror(error.errno or 0))

    def _make_room(self, config: Config) -> None:
        """Remove the kept packages where the disk is full: builds have links of their own."""
        builds = self._place.builds
        state = os.statvfs(builds.root)
        full = state.f_bavail * state.f_frsize <= config.environments.keep.min_free
        if full and builds.cache.is_dir() and all(build.is_over for build in self._builds.values()):
            builds.clear_cache()

    def _known(self, one: Listed, builds: list[Build]) -> Known:
        last = builds[-1] if builds else None
        message = self._declarations.refused_in(one.namespace).get(one.name, "")
        if not message and last is not None and last in self._reasons:
            message = self._reasons[last].sentence
        return Known(one, self._builds.get(one.current), last, message)

    def _tidy(self, config: Config, folder: Path, listed: list[Listed], builds: Mapping[int, list[Build]]) -> None:
        prefixes = prefixes_in(folder)
        now = datetime.now(UTC)
        for one in listed:
            old = superseded(builds.get(one.id, []), one.current, config.environments.keep, now)
            for build in unused(old, prefixes):
                try:
                    self._rest.remove_build(build.id)
                except Refused as refused:
                    self._log.warning("conda-store does not remove an old build of %s: %s", one.name, refused)
        clear(folder, prefixes, self._builds.values())

"""The catalogue of a hub on a cluster, which mounts no share: asked for beside its work, kept while nobody answers.

The storage service tells what has changed. A share that hangs, or a service that is away, costs the hub no moment.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path, PurePath
from urllib.parse import quote, urlsplit

from qhub_hub.environments.bounds import texts
from qhub_hub.environments.manifest import LARGEST, MANIFEST, NAMESPACE, Catalogue, ManifestError, parse_manifest

PATH = "/environments"
"""Where the storage service answers, see `service`."""

_EVERY = 3.0  # seconds between two questions
_EVERY_AT_FIRST = 0.5  # seconds, until there was an answer: servers that start meanwhile get no environments
_ANSWER_WITHIN = 10.0  # seconds
_MISSED_AFTER = 60.0  # seconds without an answer, after which administrators are told
_log = logging.getLogger("QHub.environments")


@dataclass(frozen=True, slots=True)
class _Told:
    """What a namespace's manifest said under a mark."""

    mark: str
    environments: Catalogue
    problem: str = ""


class RemoteManifests:
    """What the storage service says of the environments on the share.

    Args:
        url: of the service (`http://qhub-storage:8102`).
        token: what it asks for; read anew for every request.
        root: where servers see the namespaces' folders.
    """

    def __init__(self, url: str, token: Callable[[], str], root: Path) -> None:
        self._address = urlsplit(url).netloc
        self._token = token
        self._root = root
        self._told: Mapping[str, _Told] = {}
        self._catalogue: Catalogue = ()
        self._answered = time.monotonic()
        self._known = False

    def read(self) -> Catalogue:
        """Every environment that was heard of at the last answer, by namespace and name. Asks nobody."""
        return self._catalogue

    @property
    def problems(self) -> tuple[str, ...]:
        """What administrators should know, as sentences."""
        damaged = tuple(told.problem for told in self._told.values() if told.problem)
        if time.monotonic() - self._answered < _MISSED_AFTER:
            return damaged
        return (
            *damaged,
            f"The storage service at {self._address} has not said for {time.monotonic() - self._answered:.0f} s which "
            "environments there are; those known before are offered. See that its pod (component=storage) runs.",
        )

    def follow(self) -> None:
        """From now on ask every few seconds, until this process ends."""
        threading.Thread(target=self._follow, name="environments", daemon=True).start()

    def _follow(self) -> None:
        while True:
            try:
                self.refresh()
            except (OSError, HTTPException, ValueError, TypeError):
                pass  # `problems` says so once it lasts
            except Exception:
                _log.exception("The environments could not be asked for; this is tried again")
            time.sleep(_EVERY if self._known else _EVERY_AT_FIRST)

    def refresh(self) -> None:
        """Ask once.

        Raises:
            OSError, HTTPException, ValueError, TypeError: no answer, or none that can be used; what was known counts.
        """
        connection = HTTPConnection(self._address, timeout=_ANSWER_WITHIN)
        try:
            marks = texts(json.loads(self._get(connection, PATH)))
            told = {
                name: self._asked(connection, name, mark)
                for name, mark in sorted(marks.items())
                if NAMESPACE.fullmatch(name)
            }
        finally:
            connection.close()
        if told != self._told:
            # The same object as long as nothing changes: readers compare it.
            self._catalogue = tuple(environment for one in told.values() for environment in one.environments)
            self._told = told
        self._answered, self._known = time.monotonic(), True

    def _asked(self, connection: HTTPConnection, namespace: str, mark: str) -> _Told:
        known = self._told.get(namespace)
        if known is not None and known.mark == mark:
            return known
        try:
            content = self._get(connection, f"{PATH}/{quote(namespace)}")
            return _Told(mark, parse_manifest(self._root / namespace, content) if content else ())
        except ManifestError as error:
            return _Told(mark, (), str(error))

    def _get(self, connection: HTTPConnection, path: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": f"Bearer {self._token()}"})
        answer = connection.getresponse()
        content = answer.read(LARGEST + 1)
        if answer.status == 503:
            raise ManifestError(f"The storage service can't read {self._root / PurePath(path).name / MANIFEST}.")
        if answer.status not in (200, 204) or len(content) > LARGEST:
            raise HTTPException(f"{path}: {answer.status}")
        return content

"""Where the hub has people's folders made before a server starts."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from http.client import HTTPConnection, HTTPException
from typing import Protocol
from urllib.parse import urlsplit

from qhub_hub.identity import HighWaterMismatch, RealmMismatch, check_high_water
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Directory, Provisioner, StorageError, claim_realm
from qhub_hub.storage.service import PATH


class Folders(Protocol):
    """The writer of folders, in this process or elsewhere."""

    def ensure(self, wanted: Iterable[Directory]) -> None:
        """Make these folders, or see that they are as they must be. May block.

        Raises:
            StorageError, IdentityError: one of them can't be used; the sentence is for administrators.
        """


class LocalFolders:
    """Folders on this machine.

    Args:
        provisioner: writes them.
        store: the identity database that gives them owners.

    Raises:
        RealmMismatch, HighWaterMismatch: database and files do not belong together; a number would mean two people.
        StorageError: the files can't be used.
    """

    def __init__(self, provisioner: Provisioner, store: IdentityStore) -> None:
        self._provisioner = provisioner
        self._store = store
        self._mark_share()

    def ensure(self, wanted: Iterable[Directory]) -> None:
        """See `Folders.ensure`."""
        # The mark beside the files first: it must never be behind the ids that own folders.
        self._mark_share()
        self._provisioner.ensure(wanted)

    def _mark_share(self) -> None:
        mark = claim_realm(self._provisioner, self._store.high_water)
        # Asked again: another start may have raised the mark meanwhile, by an id that was given out after the first.
        check_high_water(self._store.high_water, mark)


_ANSWER_WITHIN = 50.0  # seconds; less than the hub waits, so that the log says which part was slow
_CONNECTED_WITHIN = 2.0  # seconds; packets to a pod that has just gone get no answer at all
_BACK_WITHIN = 30.0  # seconds in which a service that is just being started, or moved to another node, is there again
_MISMATCHES = {kind.__name__: kind for kind in (RealmMismatch, HighWaterMismatch)}


class _Slow(OSError):
    """The service took the request and did not answer in time: asking again would only make it slower."""


class RemoteFolders:
    """Folders that the storage service makes (`qhub storage serve`).

    Args:
        url: where it is (`http://qhub-storage:8102`).
        token: what it asks for; read anew for every request.
        store: the identity database that gives the folders owners.
        patience: seconds in which a service that is away may come back.
    """

    def __init__(
        self, url: str, token: Callable[[], str], store: IdentityStore, patience: float = _BACK_WITHIN
    ) -> None:
        self._address = urlsplit(url).netloc
        self._patience = patience
        self._token = token
        self._store = store

    def ensure(self, wanted: Iterable[Directory]) -> None:
        """See `Folders.ensure`."""
        folders = [asdict(folder) for folder in wanted]
        while True:
            water = self._store.high_water
            try:
                return self._ensure(json.dumps({"water": asdict(water), "folders": folders}))
            except HighWaterMismatch:
                # Another start may have been faster, with an id that was given out after this one asked.
                if self._store.high_water == water:
                    raise

    def _ensure(self, body: str) -> None:
        status, answer = self._ask(body)
        if status == 200:
            return
        try:
            told = json.loads(answer)
            kind, message = _MISMATCHES.get(told["kind"], StorageError), str(told["message"])
        except (ValueError, TypeError, KeyError):
            kind, message = StorageError, f"The storage service at {self._address} answered with {status} only."
        raise kind(message)

    def _ask(self, body: str) -> tuple[int, bytes]:
        deadline, pause = time.monotonic() + self._patience, 0.05
        while True:
            try:
                return self._exchange(body)
            except (OSError, HTTPException) as error:
                # Asking twice does no harm: what is there already is kept.
                if isinstance(error, _Slow) or time.monotonic() + pause > deadline:
                    raise StorageError(
                        f"The storage service at {self._address} does not answer ({type(error).__name__}). "
                        "See that its pod (component=storage) runs: `qhub doctor` says what keeps it."
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _exchange(self, body: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        connection = HTTPConnection(self._address, timeout=_CONNECTED_WITHIN)
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER_WITHIN)
            try:
                connection.request("PUT", PATH, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except TimeoutError as error:
                raise _Slow from error
        finally:
            connection.close()

"""Where the hub has people's folders made before a server starts."""

from collections.abc import Iterable
from typing import Protocol

from qhub_hub.identity import check_high_water
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Directory, Provisioner, claim_realm


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
        water = self._store.high_water
        check_high_water(water, claim_realm(self._provisioner, water))

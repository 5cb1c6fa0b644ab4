"""Whether the files and the identity database belong together, and are of the same age."""

from qhub_hub.identity import check_high_water
from qhub_hub.identity.store import IdentityStore
from qhub_hub.storage import Provisioner, claim_realm


def check_share(share: Provisioner, store: IdentityStore) -> None:
    """Mark the share with the database's realm and the highest ids given out, or refuse to use one with the other.

    Raises:
        RealmMismatch, HighWaterMismatch: they do not belong together; a number would mean two people.
        StorageError: the mark can't be kept.
    """
    water = store.high_water
    check_high_water(water, claim_realm(share, water))

"""Is this the identity database that gave these files their owners, and is it as new as they are?"""

from qhub_hub.identity.errors import HighWaterMismatch, RealmMismatch
from qhub_hub.identity.records import HighWater


def check_high_water(water: HighWater, mark: HighWater) -> HighWater:
    """Refuse a database that doesn't belong to these files, or that is older than they are.

    Two hubs with two databases on one share would give one number to two people; so would a hub whose
    database was restored from a backup.

    Args:
        water: of the identity database (`IdentityStore.high_water`).
        mark: as last kept beside the files.

    Returns:
        The mark to keep beside the files from now on.

    Raises:
        RealmMismatch: the files belong to another database.
        HighWaterMismatch: the database has forgotten ids that were given out.
    """
    if water.realm != mark.realm:
        raise RealmMismatch(
            f"The files belong to the realm {mark.realm!r}, the identity database to {water.realm!r}: the "
            "same number means two people. Use the database that the files belong to, or other files; if "
            "that database is lost, run `qhub ids rebuild`."
        )
    for kind, known, given in (
        ("user", water.last_user_id, mark.last_user_id),
        ("group", water.last_group_id, mark.last_group_id),
    ):
        if known < given:
            raise HighWaterMismatch(
                f"The {kind} ids on the files go up to {given}, but the identity database has counted to "
                f"{known or 0} only: it is an old backup, or new. It would give numbers out a second time. "
                "Restore a newer one, or run `qhub ids rebuild`."
            )
    return water

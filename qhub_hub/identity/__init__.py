"""Who you are: ids that never change or collide, names Linux accepts, passwd and group text.

The database (`identity.store`), the binding to libnss_wrapper (`identity.nss`) and the checks on both
(`identity.ids`) are imported from their own modules: whoever only needs an Identity loads no SQLAlchemy.
"""

from qhub_hub.identity.errors import (
    HighWaterMismatch,
    IdConflict,
    IdentityError,
    NamesUnavailable,
    RangeExhausted,
    RealmMismatch,
    RenderError,
    StoreUnavailable,
    UnknownName,
    UnusableName,
)
from qhub_hub.identity.high_water import check_high_water
from qhub_hub.identity.memberships import Memberships
from qhub_hub.identity.model import Group, Identity
from qhub_hub.identity.posix import directory_name, group_posix_name, posix_name
from qhub_hub.identity.preview import PreviewStore
from qhub_hub.identity.records import Found, GroupRecord, HighWater, IdSource, UserRecord
from qhub_hub.identity.render import render_group, render_passwd
from qhub_hub.identity.resolve import claim_declared, identity_of
from qhub_hub.identity.view import Peer, View, peers_of, view_of

__all__ = [
    "Found",
    "Group",
    "GroupRecord",
    "HighWater",
    "HighWaterMismatch",
    "IdConflict",
    "IdSource",
    "Identity",
    "IdentityError",
    "Memberships",
    "NamesUnavailable",
    "Peer",
    "PreviewStore",
    "RangeExhausted",
    "RealmMismatch",
    "RenderError",
    "StoreUnavailable",
    "UnknownName",
    "UnusableName",
    "UserRecord",
    "View",
    "check_high_water",
    "claim_declared",
    "directory_name",
    "group_posix_name",
    "identity_of",
    "peers_of",
    "posix_name",
    "render_group",
    "render_passwd",
    "view_of",
]

"""Users and groups as the values file declares them."""

from typing import Annotated, Any

from pydantic import Field

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.names import GroupName, UserName

# Ids a person may be given: below are the system's and image users, above is what 32-bit tools read as negative
# (facts/identity-storage.md §3). The pools that QHub allocates from are `identity.userIds` and `identity.groupIds`.
DeclaredId = Annotated[int, Field(ge=1001, lt=2**31, strict=True)]


class User(Model):
    """A person whose id, groups or rights you want to state here; others may sign in without being listed."""

    uid: DeclaredId | None = None
    """Numeric user id. Left out, QHub allocates one from `identity.userIds` and never changes or reuses it."""

    display_name: str = ""
    """The person's full name, shown on pages and in `getent passwd`."""

    groups: tuple[GroupName, ...] = ()
    """Groups this person is in, besides those whose `members` name them."""

    admin: bool = False
    """Hub administrator: sees and stops everyone's servers."""


class Group(Model):
    """A group: it may own a shared folder, unlock profiles and carry limits."""

    gid: DeclaredId | None = None
    """Numeric group id. Left out, QHub allocates one from `identity.groupIds` and never changes or reuses it."""

    members: tuple[UserName, ...] = ()
    """Names of the people in it."""

    everyone: bool = False
    """Everybody who may sign in is a member."""

    admin: bool = False
    """Members are hub administrators."""

    shared_folder: bool = True
    """Members share the folder `shared/<group>`: readable and writable by members only."""

    properties: Map[Any] = Field(default_factory=dict, validate_default=True)
    """Free notes for your own services; QHub hands them on and reads none of them."""

"""Where files are: homes and shared folders."""

from typing import Annotated

from pydantic import Field

from qhub_hub.config.models.base import Map, Model

MountPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$", max_length=200, examples=["/home"])]


class Storage(Model):
    """Homes and shared folders. On a single machine they lie in the state folder; on a cluster, on one volume."""

    home: MountPath = "/home"
    """On a cluster: people's homes appear below this path."""

    shared: MountPath = "/shared"
    """On a cluster: group folders appear below this path."""


class Namespace(Model):
    """A folder of environments."""

    allowed_groups: tuple[str, ...] = ()
    """Groups that see its environments; empty: everybody."""


class Environments(Model):
    """Shared software environments. Their providers come with a later version; the place is kept."""

    namespaces: Map[Namespace] = Field(default_factory=dict, validate_default=True)
    """Who sees which environments."""

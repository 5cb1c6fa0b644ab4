"""Profiles: what people choose from when they start a server."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.models.nodes import Share
from qhub_hub.config.models.policy import DaskRule, IdleRule
from qhub_hub.config.names import GroupName, UserName
from qhub_hub.config.quantities import Bytes, Cores, show_bytes


class CpuAmount(Model):
    """Cores of a server."""

    guarantee: Cores | None = None
    """Cores that are always there. Left out: the limit's."""

    limit: Cores | None = None
    """Cores it can use at most. Left out: no limit but the node's."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.guarantee is not None and self.limit is not None and self.guarantee > self.limit:
            raise ValueError(f"the guarantee ({self.guarantee:g} cores) is more than the limit ({self.limit:g})")
        return self


class MemoryAmount(Model):
    """Memory of a server."""

    guarantee: Bytes | None = None
    """Memory that is always there. Left out: the limit's."""

    limit: Bytes | None = None
    """Memory at which the server is stopped. Left out: no limit but the node's."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.guarantee is not None and self.limit is not None and self.guarantee > self.limit:
            guarantee, limit = show_bytes(self.guarantee), show_bytes(self.limit)
            raise ValueError(f"the guarantee ({guarantee}) is more than the limit ({limit})")
        return self


class Size(Model):
    """How large a server is: amounts, or a share of a node of the profile's node group."""

    share: Share | None = None
    """A share of one node; excludes `cpu` and `memory`."""

    cpu: CpuAmount = CpuAmount()
    """Cores."""

    memory: MemoryAmount = MemoryAmount()
    """Memory."""

    gpu: Annotated[int, Field(ge=0, le=64, strict=True)] = 0
    """Accelerators, all for this server alone."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.share is not None and (self.cpu != CpuAmount() or self.memory != MemoryAmount()):
            raise ValueError("either share, or cpu and memory, not both")
        return self


class ImageChoice(Model):
    """An image that a person may choose."""

    image: Annotated[
        str,
        Field(min_length=1, max_length=512, pattern=r"^[^\s]+$", examples=["quay.io/jupyter/base-notebook:2026-01-05"]),
    ]
    """Full reference of the image, with tag or digest."""

    display_name: str = ""
    """What people see; left out: the key."""


class SizeChoice(Size):
    """A size that a person may choose."""

    display_name: str = ""
    """What people see; left out: the amounts."""


class Options(Model):
    """What a person may choose inside a profile's card. The first choice of each is the default."""

    images: Map[ImageChoice] = Field(default_factory=dict, validate_default=True)
    """Images by key."""

    sizes: Map[SizeChoice] = Field(default_factory=dict, validate_default=True)
    """Sizes by key."""

    environments: tuple[str, ...] = ()
    """Environments offered, as `<namespace>/<name>` patterns where `*` stands for anything; empty: no choice."""


class Profile(Size):
    """One card on the spawn page."""

    display_name: str = ""
    """The card's title; left out: the key."""

    description: str = ""
    """A sentence or two below the title. Plain text."""

    order: int = 0
    """Cards are shown by this number, then by key."""

    image: Annotated[
        str, Field(max_length=512, pattern=r"^[^\s]*$", examples=["quay.io/jupyter/base-notebook:2026-01-05"])
    ] = ""
    """Image of the server on a cluster; left out: the chart's."""

    command: tuple[str, ...] = ()
    """Command that starts the server instead of QHub's own: for a profile that is not JupyterLab."""

    node_group: str = "user"
    """The node group it runs on."""

    allowed_groups: tuple[GroupName, ...] = ()
    """Groups whose members may use it. With `allowedUsers` also left out: everybody."""

    allowed_users: tuple[UserName, ...] = ()
    """People who may use it, besides the groups'."""

    locked: Literal["show", "hide"] = "show"
    """What others see of it: a locked card that says why, or nothing."""

    options: Options = Field(default_factory=Options)
    """What may be chosen inside the card."""

    env: Map[str] = Field(default_factory=dict, validate_default=True)
    """Environment variables of the server. No secrets: everybody who may use the profile can read them."""

    culling: IdleRule = IdleRule()
    """Idle limits of this profile, over `culling`."""

    dask: DaskRule = DaskRule()
    """Dask workers of this profile."""

    price: Annotated[float, Field(ge=0)] | None = None
    """Price per hour, in `prices.currency`. Left out: computed from `prices` or the node group's price."""

"""Culling, prices and limits."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.quantities import Bytes, Cores, Seconds, show_seconds


class IdleRule(Model):
    """When a server is stopped. What is left out is taken from the next wider rule."""

    idle: Seconds | None = None
    """Time without activity after which a server is stopped; 0: never."""

    max_age: Seconds | None = None
    """Time after which a server is stopped even while it works; 0: never."""


class DaskRule(Model):
    """Dask workers of a profile. What is left out is taken from `dask`."""

    workers: bool = True
    """Whether workers may be of this profile. One with a `command` of its own has none."""

    node_group: str = ""
    """The node group that workers run on; left out: that of the profile's servers."""

    idle: Seconds | None = None
    """Time without work after which a cluster ends."""

    max_idle: Seconds | None = None
    """The longest such time that may be asked for."""

    max_age: Seconds | None = None
    """Time after which a cluster ends even while it works; 0: never."""

    @model_validator(mode="after")
    def _always_ends(self) -> Self:
        if self.idle == 0 or self.max_idle == 0:
            raise ValueError("idle and maxIdle must be more than 0: a cluster that nobody uses always ends")
        if self.idle and self.max_idle and self.idle > self.max_idle:
            raise ValueError(f"idle ({show_seconds(self.idle)}) is more than maxIdle ({show_seconds(self.max_idle)})")
        return self


class Culling(Model):
    """Stopping what nobody uses. The narrowest rule wins: user, most generous group, profile, then this."""

    enabled: bool = True
    """Whether idle servers are stopped at all."""

    idle: Seconds = 3600
    """Time without activity after which a server is stopped; 0: never."""

    max_age: Seconds = 0
    """Time after which a server is stopped even while it works; 0: never."""

    kernel_idle: Seconds = 3600
    """Time after which an idle kernel is stopped inside a server; busy ones never are; 0: never."""

    terminal_idle: Seconds = 3600
    """Time after which a terminal without output is closed inside a server, unless a job works in it; 0: never."""

    warning: Seconds = 600
    """How long before the end of a server its owner is told; at most half of the limit that ends it; 0: never."""

    groups: Map[IdleRule] = Field(default_factory=dict, validate_default=True)
    """Rules for the members of a group."""

    users: Map[IdleRule] = Field(default_factory=dict, validate_default=True)
    """Rules for one person."""


Rate = Annotated[float, Field(ge=0)]


class Prices(Model):
    """What an hour costs, shown on the cards. All left out: no price is shown."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD", "EUR"])] = "USD"
    """ISO 4217 code."""

    cpu: Rate | None = None
    """Per guaranteed core and hour."""

    memory: Rate | None = None
    """Per guaranteed GiB and hour."""

    gpu: Rate | None = None
    """Per accelerator and hour."""


class DaskLimit(Model):
    """The most that Dask clusters may use, besides servers. What is left out is not limited."""

    clusters: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Running clusters."""

    workers: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Workers of all running clusters."""

    cpu: Cores | None = None
    """Guaranteed cores of all their schedulers and workers."""

    memory: Bytes | None = None
    """Guaranteed memory of all their schedulers and workers."""

    gpu: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Accelerators of all their workers."""

    price_per_hour: Rate | None = None
    """What an hour of all of them may cost, in `prices.currency`."""


class Limit(Model):
    """The most that one person or one group may use. What is left out is not limited."""

    servers: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Running servers."""

    cpu: Cores | None = None
    """Guaranteed cores of all running servers."""

    memory: Bytes | None = None
    """Guaranteed memory of all running servers."""

    gpu: Annotated[int, Field(ge=0, strict=True)] | None = None
    """Accelerators of all running servers."""

    cost_per_day: Rate | None = None
    """What servers and Dask clusters may cost per UTC day, in `prices.currency`: an hour of a new one must fit."""

    dask: DaskLimit = DaskLimit()
    """What Dask clusters may use, besides."""


class Limits(Model):
    """Limits for people and groups. A new server must fit all that apply."""

    everyone: Limit = Limit()
    """For each person."""

    users: Map[Limit] = Field(default_factory=dict, validate_default=True)
    """For one person, instead of `everyone`."""

    groups: Map[Limit] = Field(default_factory=dict, validate_default=True)
    """For all members of a group together."""

    usage_kept: Seconds = 400 * 86400
    """How long the record of past servers is kept, which costs are added up from; at least today's; 0: for ever."""

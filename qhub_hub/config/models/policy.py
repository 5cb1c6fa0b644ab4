"""Culling, prices and limits."""

from typing import Annotated

from pydantic import Field

from qhub_hub.config.models.base import Map, Model
from qhub_hub.config.quantities import Bytes, Cores, Seconds


class IdleRule(Model):
    """When a server is stopped. What is left out is taken from the next wider rule."""

    idle: Seconds | None = None
    """Time without activity after which a server is stopped; 0: never."""

    max_age: Seconds | None = None
    """Time after which a server is stopped even while it works; 0: never."""


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
    """What servers may cost per UTC day, in `prices.currency`: an hour of a new server must still fit."""


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

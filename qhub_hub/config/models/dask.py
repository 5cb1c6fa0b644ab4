"""Dask clusters: how long they live, how many workers they start with, what their scheduler gets."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from qhub_hub.config.models.base import Model
from qhub_hub.config.models.profiles import CpuAmount, MemoryAmount
from qhub_hub.config.quantities import Seconds, show_seconds

GIB = 2**30


class Scheduler(Model):
    """The process of a cluster that hands out work. It computes nothing itself."""

    cpu: CpuAmount = CpuAmount(guarantee=0.1, limit=1.0)
    """Cores."""

    memory: MemoryAmount = MemoryAmount(guarantee=256 * 2**20, limit=2 * GIB)
    """Memory: graphs of a million tasks take about 1 GiB."""

    node_group: str = ""
    """The node group that schedulers run on; left out: that of the profile's servers."""


class Adaptive(Model):
    """How many workers a cluster has while it scales by itself."""

    minimum: Annotated[int, Field(ge=0, strict=True)] = 0
    """Workers that stay while there is nothing to do."""

    maximum: Annotated[int, Field(ge=1, strict=True)] = 4
    """Workers at most. Whoever wants more says so: `cluster.adapt(maximum=…)`."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"the minimum ({self.minimum} workers) is more than the maximum ({self.maximum})")
        return self


class Dask(Model):
    """Dask clusters. Profiles may say otherwise below `profiles.<name>.dask`."""

    idle: Seconds = 1800
    """Time without work after which a cluster ends, unless whoever starts it asks for another."""

    max_idle: Seconds = 4 * 3600
    """The longest such time that may be asked for."""

    max_age: Seconds = 0
    """Time after which a cluster ends even while it works; 0: never."""

    max_workers: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 100
    """Workers of one cluster at most."""

    adaptive: Adaptive = Adaptive()
    """How many workers a cluster has until somebody calls `scale` or `adapt`."""

    scheduler: Scheduler = Field(default_factory=Scheduler)
    """The scheduler of every cluster."""

    stop_with_server: bool = True
    """Whether somebody's clusters end with the last of their servers."""

    @model_validator(mode="after")
    def _always_ends(self) -> Self:
        if not self.idle or not self.max_idle:
            raise ValueError("idle and maxIdle must be more than 0: a cluster that nobody uses always ends")
        if self.idle > self.max_idle:
            raise ValueError(f"idle ({show_seconds(self.idle)}) is more than maxIdle ({show_seconds(self.max_idle)})")
        return self

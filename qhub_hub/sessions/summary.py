"""What is kept of a plan while its server runs: JSON in the spawner's state, read back without trust."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qhub_hub.sessions.idle import IdlePolicy
from qhub_hub.sessions.plan import Plan
from qhub_hub.sessions.prices import Price, describe_price
from qhub_hub.sessions.request import LONGEST, NAMES
from qhub_hub.sessions.sizes import Amount, Hardware, describe_hardware

VERSION = 1  # rises when a field changes its meaning: an older hub's state then reads as None
Name = Annotated[str, Field(max_length=255)]
Text = Annotated[str, Field(max_length=1024)]
Size = Annotated[float, Field(ge=0, le=2**60)]
Whole = Annotated[int, Field(ge=0, le=2**40)]


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Amount(_Stored):
    guarantee: Size | None
    limit: Size | None


class _Hardware(_Stored):
    cpu: _Amount
    memory: _Amount
    gpu: Whole
    gpu_type: Text


class _Price(_Stored):
    per_hour: Size
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    source: Text


class _Idle(_Stored):
    idle: Whole
    max_age: Whole
    kernel_idle: Whole
    terminal_idle: Whole
    source: Text
    warning: Whole = 0  # servers that were started before there were warnings have none


class _Summary(_Stored):
    version: Annotated[int, Field(ge=VERSION, le=VERSION)]
    profile: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    title: Text
    choices: dict[Annotated[str, Field(max_length=LONGEST)], Annotated[str, Field(max_length=LONGEST)]]
    hardware: _Hardware
    price: _Price | None
    idle: _Idle
    node_group: Text
    groups: Annotated[list[Name], Field(max_length=10_000)]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What admins see of a running server, what the culler obeys and what limits count.

    Args:
        groups: full names of the owner's groups when the server was started.
        profile, title, choices, price, idle, node_group: as in a Plan.
    """

    profile: str
    title: str
    choices: Mapping[str, str]
    hardware: Hardware
    price: Price | None
    idle: IdlePolicy
    node_group: str
    groups: tuple[str, ...]

    @property
    def hardware_text(self) -> str:
        """`2 cores, 4 GiB`; empty: nothing is stated."""
        return describe_hardware(self.hardware)

    @property
    def price_text(self) -> str:
        """`0.25 USD per hour`; empty: none is stated."""
        return describe_price(self.price) if self.price else ""


def summary(plan: Plan) -> dict[str, Any]:
    """The part of a plan that must outlive the hub's process, as plain JSON values."""
    return {
        "version": VERSION,
        "profile": plan.profile,
        "title": plan.title,
        "choices": dict(plan.choices),
        "hardware": {
            "cpu": {"guarantee": plan.cpu.guarantee, "limit": plan.cpu.limit},
            "memory": {"guarantee": plan.memory.guarantee, "limit": plan.memory.limit},
            "gpu": plan.gpu,
            "gpu_type": plan.gpu_type,
        },
        "price": plan.price and asdict(plan.price),
        "idle": asdict(plan.idle),
        "node_group": plan.node_group,
        "groups": [group.name for group in plan.identity.groups],
    }


def read_summary(stored: object) -> PlanSummary | None:
    """Read a summary back from wherever it was kept.

    Returns:
        None: it is missing, damaged, or another version's. The server is then one without a plan: its owner's
        limits and the default idle rule have to do.
    """
    try:
        found = _Summary.model_validate(stored)
    except ValidationError:
        return None
    if not set(found.choices) <= set(NAMES):
        return None
    hardware = found.hardware
    return PlanSummary(
        profile=found.profile,
        title=found.title,
        choices=MappingProxyType(dict(found.choices)),
        hardware=Hardware(
            cpu=Amount(hardware.cpu.guarantee, hardware.cpu.limit),
            memory=Amount(hardware.memory.guarantee, hardware.memory.limit),
            gpu=hardware.gpu,
            gpu_type=hardware.gpu_type,
        ),
        price=Price(**found.price.model_dump()) if found.price else None,
        idle=IdlePolicy(**found.idle.model_dump()),
        node_group=found.node_group,
        groups=tuple(found.groups),
    )

"""The most that people and groups may use: what runs now, or was paid for today, plus the new server must fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol, Self, TypeVar

from qhub_hub.config.models import Config
from qhub_hub.config.models.policy import Limit
from qhub_hub.config.quantities import show_bytes
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.keys import yaml_key
from qhub_hub.sessions.prices import Price, show_cost
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.sizes import Hardware


@dataclass(frozen=True, slots=True)
class Used:
    """What some servers use together: how many, guaranteed cores, guaranteed bytes, accelerators.

    Args:
        cost_per_day: what they cost since midnight UTC, with those that ended meanwhile.
    """

    servers: int = 0
    cpu: float = 0.0
    memory: int = 0
    gpu: int = 0
    cost_per_day: float = 0.0

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.servers + other.servers,
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.gpu + other.gpu,
            self.cost_per_day + other.cost_per_day,
        )


def use_of(hardware: Hardware) -> Used:
    """What one server counts for. What it is not guaranteed does not count."""
    return Used(1, hardware.cpu.guarantee or 0.0, int(hardware.memory.guarantee or 0), hardware.gpu)


class Running(Protocol):
    """A running server, as its plan or the summary of it states it."""

    @property
    def hardware(self) -> Hardware:
        """How large it is."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Full names of its owner's groups when it was started."""


NOTHING = Used()


class Addable(Protocol):
    """What one thing takes, and two of them together."""

    def __add__(self, other: Self, /) -> Self: ...


A = TypeVar("A", bound=Addable)


def added_up(running: Iterable[tuple[str, Iterable[str], A]], nothing: A) -> tuple[Mapping[str, A], Mapping[str, A]]:
    """What people, and all members of a group together, take of something.

    Args:
        running: hub user name of the owner, full names of the owner's groups and what it takes, for each that runs.
        nothing: what nobody takes.
    """
    people: dict[str, A] = {}
    groups: dict[str, A] = {}
    for owner, members_of, used in running:
        people[owner] = people.get(owner, nothing) + used
        for group in members_of:
            groups[group] = groups.get(group, nothing) + used
    return MappingProxyType(people), MappingProxyType(groups)


@dataclass(frozen=True, slots=True)
class Usage:
    """What runs now, without the server that is being started. Who is missing uses nothing.

    Args:
        people: by hub user name.
        groups: of all members of a group together, by full name.
    """

    people: Mapping[str, Used] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Used] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, running: Iterable[tuple[str, Running]]) -> Self:
        """Add up running servers.

        Args:
            running: hub user name of the owner and the server, for each server but the one being started.
        """
        return cls(*added_up(((owner, server.groups, use_of(server.hardware)) for owner, server in running), NOTHING))

    def with_cost_today(self, people: Mapping[str, float], groups: Mapping[str, float]) -> "Usage":
        """The same, and what was paid since midnight UTC, for servers that run and for those that ended.

        Args:
            people: by hub user name, in the currency of `prices`.
            groups: of all members of a group together, by full name.
        """
        return Usage(_with_cost(self.people, people), _with_cost(self.groups, groups))


def _with_cost(used: Mapping[str, Used], paid: Mapping[str, float]) -> Mapping[str, Used]:
    added = {name: replace(used.get(name, NOTHING), cost_per_day=cost) for name, cost in paid.items()}
    return MappingProxyType({**used, **added})


NOTHING_RUNS = Usage()


def applying_limits(config: Config, identity: Identity) -> tuple[tuple[str, str, Limit], ...]:
    """Group name (empty: the person alone), key and limit of each limit that a new server must fit."""
    own = config.limits.users.get(identity.name)
    personal = (
        ("", yaml_key("limits", "everyone"), config.limits.everyone)
        if own is None
        else ("", yaml_key("limits", "users", identity.name), own)
    )
    shared = (
        (group.name, yaml_key("limits", "groups", group.name), limit)
        for group in identity.groups
        if (limit := config.limits.groups.get(group.name)) is not None
    )
    return (personal, *shared)


def limits_cost(config: Config, identity: Identity) -> bool:
    """Whether a new server of this person must fit a cost per day: only then today's cost need be known."""
    return any(limit.cost_per_day is not None for _, _, limit in applying_limits(config, identity))


def check_limits(
    config: Config, identity: Identity, hardware: Hardware, usage: Usage, price: Price | None = None
) -> None:
    """Let a server pass that fits every limit.

    Args:
        price: of the server; None: it costs nothing that a limit could count.

    Raises:
        Rejected: reason `limit`; names the limit, what is used and what was asked.
    """
    asked = use_of(hardware)
    for group, key, limit in applying_limits(config, identity):
        used = usage.groups.get(group, NOTHING) if group else usage.people.get(identity.name, NOTHING)
        _check(group, key, limit, used, asked)
        if price is not None and limit.cost_per_day is not None:
            _check_cost(group, f"{key}.costPerDay", limit.cost_per_day, used.cost_per_day, price)


def _check(group: str, key: str, limit: Limit, used: Used, asked: Used) -> None:
    for name in ("servers", "cpu", "memory", "gpu"):
        most, now, more = getattr(limit, name), getattr(used, name), getattr(asked, name)
        # What the server does not need can't be exceeded by it, even where others use too much already.
        # Rounded: ten servers of 0.1 cores are one core.
        if most is not None and more and round(now + more, 6) > most:
            who = f"The members of {group} together use" if group else "You use"
            raise Rejected(
                "limit",
                f"{who} {_show(name, now)} of at most {_show(name, most)}, and this server needs "
                f"{_show(name, more)} more ({key}.{name}). Stop another server or choose a smaller one.",
            )


def _check_cost(group: str, key: str, most: float, now: float, price: Price) -> None:
    more, currency = price.per_hour, price.currency
    # As with the others: a server that is free is not held up by what was paid for those before it.
    if not more or round(now + more, 6) <= most:
        return
    who = f"The servers of the members of {group}" if group else "Your servers"
    raise Rejected(
        "limit",
        f"{who} have cost {show_cost(now, currency)} today (UTC) of at most {show_cost(most, currency)} a day, and "
        f"an hour of this one costs {show_cost(more, currency)} more ({key}). Choose a cheaper one, or start it "
        "after midnight UTC.",
    )


def _show(name: str, amount: float) -> str:
    if name == "memory":
        return show_bytes(int(amount))
    singular, plural = {"servers": ("server", "servers"), "cpu": ("core", "cores"), "gpu": ("GPU", "GPUs")}[name]
    return f"{amount:g} {singular if amount == 1 else plural}"

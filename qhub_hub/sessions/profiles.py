"""What a person may choose: the offers behind the cards of the spawn page."""

from dataclasses import dataclass
from typing import Literal

from qhub_hub.sessions.plan import Amount, Price


@dataclass(frozen=True, slots=True)
class Hardware:
    """How large a server would be. Cores are floats, memory is bytes."""

    cpu: Amount
    memory: Amount
    gpu: int
    gpu_type: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to an option.

    Args:
        key: what a form sends.
        title: what people see.
        hardware, price: of a size; None for images and environments.
    """

    key: str
    title: str
    hardware: Hardware | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose inside a card; the first choice is the default."""

    name: Literal["image", "size", "environment"]
    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One card.

    Args:
        profile: key of the profile.
        title, description: plain text.
        hardware: of the profile itself, or of its default size.
        price: per hour; None: not stated.
        options: what may be chosen inside the card; empty for locked ones.
        audience: who may use it, as people read it ("Everyone", "Group gpu", "Groups gpu, ml and ann").
        locked: empty, or the sentence that says why this person can't start it.
    """

    profile: str
    title: str
    description: str
    hardware: Hardware
    price: Price | None
    options: tuple[Option, ...]
    audience: str
    locked: str

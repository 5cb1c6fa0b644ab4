"""What an hour of a server costs: stated, by the share of its node, or by what it is guaranteed."""

from dataclasses import dataclass
from decimal import Decimal

from qhub_hub.config.models import Config
from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.sessions.keys import yaml_key
from qhub_hub.sessions.sizes import FullSize, Hardware

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Price:
    """Cost per hour.

    Args:
        per_hour: in the currency, not rounded.
        currency: ISO 4217 code.
        source: the key of the values file that it comes from.
    """

    per_hour: float
    currency: str
    source: str = ""


def price_of(config: Config, key: str, size: FullSize, hardware: Hardware) -> Price | None:
    """Price per hour, by the first rule that says something: profile, node group, `prices`.

    Args:
        key: of the profile.
        size: what was chosen.
        hardware: what the size means on the profile's node group.

    Returns:
        None: nothing is stated, so none is shown. A stated 0 is a price.
    """
    profile, currency = config.profiles[key], config.prices.currency
    if profile.price is not None:
        return Price(profile.price, currency, yaml_key("profiles", key, "price"))
    group = config.node_groups.get(profile.node_group)
    if group is not None and group.price is not None:
        share = _share_of_node(group, size, hardware)
        if share is not None:
            source = yaml_key("nodeGroups", profile.node_group, "price")
            return Price(group.price * share, currency, source)
    return _sum_of_rates(config, hardware)


def _share_of_node(group: NodeGroup, size: FullSize, hardware: Hardware) -> float | None:
    """The largest share of cores, memory and accelerators; None: the node or the server has no stated size."""
    # Whoever takes the accelerators of a node takes the node: nobody else can use what is left of it.
    devices = [hardware.gpu / group.gpu.count] if hardware.gpu and group.gpu is not None else []
    if size.share is not None:
        # Not from the amounts: they are rounded down, and half a node costs half of it to the cent.
        return max([float(size.share), *devices])
    allocatable = group.allocatable()
    if allocatable is None or not all(allocatable):
        return None
    cores, memory = allocatable
    shares = [
        amount.guarantee / whole
        for amount, whole in ((hardware.cpu, cores), (hardware.memory, memory))
        if amount.guarantee is not None
    ]
    return max(shares + devices, default=None)


def _sum_of_rates(config: Config, hardware: Hardware) -> Price | None:
    rates = config.prices
    amounts = (
        (rates.cpu, hardware.cpu.guarantee, 1),
        (rates.memory, hardware.memory.guarantee, GIB),
        (rates.gpu, hardware.gpu, 1),
    )
    parts = [None if amount is None else rate * amount / unit for rate, amount, unit in amounts if rate is not None]
    stated = [part for part in parts if part is not None]
    # An hour of an unknown amount has no price: leaving it out would show a server without limits as free.
    if not stated or len(stated) < len(parts):
        return None
    return Price(sum(stated), rates.currency, yaml_key("prices"))


def describe_price(price: Price) -> str:
    """`0.25 USD per hour`."""
    return f"{show_cost(price.per_hour, price.currency)} per hour"


def show_cost(amount: float, currency: str) -> str:
    """`0.25 USD`: two digits behind the point, or the first two that are not 0."""
    exact = amount >= 0.1 or not amount
    number = f"{amount:.2f}" if exact else f"{Decimal(f'{amount:.2g}'):f}"
    return f"{number} {currency}"

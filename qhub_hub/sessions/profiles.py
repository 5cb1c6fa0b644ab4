"""What a person may choose: the offers behind the cards of the spawn page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from qhub_hub.config.models import Config
from qhub_hub.config.models.profiles import Profile, Size
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.access import audience_of, may_use, membership_sentence
from qhub_hub.sessions.catalogue import offered_environments
from qhub_hub.sessions.placement import node_group_of, placed
from qhub_hub.sessions.prices import Price, price_of
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import OPTIONS, parse_request
from qhub_hub.sessions.sizes import UNSTATED, Amount, Hardware, completed, describe_hardware

__all__ = [
    "Amount",
    "Choice",
    "Hardware",
    "Offer",
    "Option",
    "Price",
    "default_choice",
    "in_order",
    "offers",
    "placeable",
    "title_of",
]


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


def title_of(key: str, profile: Profile) -> str:
    """What people call a profile."""
    return profile.display_name or key


def in_order(config: Config, identity: Identity | None = None) -> list[tuple[str, Profile]]:
    """Profiles as the cards are shown: by `order`, then by key.

    Args:
        identity: only those that this person may use; None: all.
    """
    profiles = config.profiles
    # Choosing before sorting keeps a start without a stated profile fast: most cards of a large site are not
    # for this person.
    chosen = (item for item in profiles.items() if identity is None or may_use(item[1], identity))
    return [(key, profiles[key]) for _, key in sorted((profile.order, key) for key, profile in chosen)]


def placeable(config: Config, profile: Profile) -> Mapping[str, Hardware]:
    """Hardware by key of the sizes that the profile's node group can hold; the first is the default.

    A profile without sizes to choose from has one, itself, under the empty key.

    Raises:
        Rejected: reason `placement`; not one size can be placed.
    """
    group = node_group_of(config, profile)
    found: dict[str, Hardware] = {}
    refusal: Rejected | None = None
    sizes: Mapping[str, Size] = profile.options.sizes or {"": profile}
    for key, size in sizes.items():
        try:
            found[key] = placed(completed(size, profile), profile.node_group, group)
        except Rejected as rejected:
            refusal = refusal or rejected
    if refusal and not found:
        raise refusal
    return found


def offers(config: Config, identity: Identity, catalogue: Catalogue = ()) -> tuple[Offer, ...]:
    """The cards that this person sees, in display order.

    A card that is not for this person is locked and says why, or is left out where the profile hides itself.
    One that no node could hold is locked too. What an open card offers, `make_plan` accepts, limits aside.
    """
    return tuple(
        _offer(config, identity, key, catalogue)
        for key, profile in in_order(config)
        if may_use(profile, identity) or profile.locked == "show"
    )


def _offer(config: Config, identity: Identity, key: str, catalogue: Catalogue) -> Offer:
    profile = config.profiles[key]
    locked = "" if may_use(profile, identity) else membership_sentence(profile)
    sizes: Mapping[str, Hardware] = {}
    try:
        sizes = placeable(config, profile)
    except Rejected as rejected:
        locked = locked or rejected.message
    default, hardware = next(iter(sizes.items()), ("", Hardware(UNSTATED, UNSTATED, 0, "")))
    size = completed(profile.options.sizes.get(default, profile), profile)
    return Offer(
        profile=key,
        title=title_of(key, profile),
        description=profile.description,
        hardware=hardware,
        price=price_of(config, key, size, hardware) if sizes else None,
        options=() if locked else tuple(_options(config, identity, key, sizes, catalogue)),
        audience=audience_of(profile),
        locked=locked,
    )


def _options(
    config: Config, identity: Identity, key: str, sizes: Mapping[str, Hardware], catalogue: Catalogue
) -> Iterator[Option]:
    profile = config.profiles[key]
    if images := profile.options.images:
        yield Option("image", "Image", tuple(Choice(k, i.display_name or k) for k, i in images.items()))
    if profile.options.sizes:
        yield Option("size", "Size", tuple(_size_choices(config, key, sizes)))
    if environments := offered_environments(config, identity, profile, catalogue):
        yield Option("environment", "Environment", tuple(Choice(name, name) for name in environments))


def _size_choices(config: Config, key: str, sizes: Mapping[str, Hardware]) -> Iterator[Choice]:
    profile = config.profiles[key]
    for size_key, hardware in sizes.items():
        size = profile.options.sizes[size_key]
        title = size.display_name or describe_hardware(hardware) or size_key
        price = price_of(config, key, completed(size, profile), hardware)
        yield Choice(size_key, title, hardware, price)


def default_choice(shown: Sequence[Offer], remembered: object = None) -> Mapping[str, str]:
    """What the page preselects: the last choice as far as it is still offered, else the first of everything.

    Args:
        shown: the cards.
        remembered: `user_options` of the last start, from wherever; anything unreadable counts as none.

    Returns:
        `profile` and every option of its card; empty: no card is open.
    """
    try:
        last = parse_request(remembered)
    except Rejected:
        last = parse_request(None)
    available = [offer for offer in shown if not offer.locked]
    if not available:
        return MappingProxyType({})
    kept = next((offer for offer in available if offer.profile == last.profile), None)
    offer = kept or available[0]
    chosen = {"profile": offer.profile}
    for option in offer.options:
        keys = [choice.key for choice in option.choices]
        wanted = getattr(last, option.name) if kept and option.name in OPTIONS else ""
        chosen[option.name] = wanted if wanted in keys else keys[0]
    return MappingProxyType(chosen)

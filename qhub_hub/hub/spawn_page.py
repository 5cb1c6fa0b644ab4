"""The options form of the spawn page: offers in, HTML out.

The form works inside JupyterHub's stock `spawn.html` as well as inside ours: it brings its own style and
needs no JavaScript.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from qhub_hub.sessions import Choice, Hardware, Offer, Price
from qhub_hub.sessions import describe_hardware as hardware_in_words

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """A choice as the template writes it."""

    key: str
    title: str
    facts: str
    price: str
    selected: bool


@dataclass(frozen=True, slots=True)
class _Field:
    """An option as the template writes it; exactly one answer is selected."""

    name: str
    title: str
    as_rows: bool
    answers: tuple[_Answer, ...]


@dataclass(frozen=True, slots=True)
class _Card:
    """An offer as the template writes it. `price` is split so that the amount can stand out."""

    offer: Offer
    selected: bool
    sized: bool
    facts: tuple[str, ...]
    price: tuple[str, str]
    fields: tuple[_Field, ...]


def template_folder() -> Path:
    """The folder for `JupyterHub.template_paths`: the form, and the pages that replace stock ones."""
    return Path(__file__).with_name("templates")


def logo() -> Path:
    """The picture for `JupyterHub.logo_file`; the stock one can't be read on a dark page."""
    return Path(__file__).with_name("static") / "logo.svg"


@cache
def _template() -> Template:
    # Compiling takes longer than rendering: once per process, at the first page.
    environment = Environment(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("spawn_form.html")


def describe_hardware(hardware: Hardware) -> tuple[str, ...]:
    """What a server would have, a fact per item: `("2 cores", "4 GiB", "1 l4 GPU")`."""
    return tuple(fact for fact in hardware_in_words(hardware).split(", ") if fact)


def describe_price(price: Price | None) -> str:
    """A price in words: `$0.25 / hour`, `CHF 1.20 / hour`, `Free` where it is 0, empty if not stated.

    Below 0.10 two significant digits are kept, so that a small price never reads as nothing.
    """
    if price is None:
        return ""
    if price.per_hour == 0:
        return "Free"
    small = price.per_hour < 0.1
    # Through Decimal, as a float of 0.00001 would be written 1e-05.
    number = f"{Decimal(f'{price.per_hour:.2g}'):f}" if small else f"{price.per_hour:,.2f}"
    return f"{_SYMBOLS.get(price.currency, price.currency + ' ')}{number} / hour"


def _answers(choices: Sequence[Choice], remembered: object) -> tuple[_Answer, ...]:
    chosen = next((choice.key for choice in choices if choice.key == remembered), choices[0].key)
    return tuple(
        _Answer(
            key=choice.key,
            title=choice.title,
            facts=hardware_in_words(choice.hardware) if choice.hardware else "",
            price=describe_price(choice.price),
            selected=choice.key == chosen,
        )
        for choice in choices
    )


def _fields(offer: Offer, remembered: Mapping[str, object]) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            name=f"{option.name}:{offer.profile}",
            title=option.title,
            as_rows=any(choice.hardware for choice in option.choices),
            answers=_answers(option.choices, remembered.get(option.name)),
        )
        for option in offer.options
        if option.choices
    )


def _sizes(offer: Offer) -> tuple[Choice, ...]:
    return next((option.choices for option in offer.options if option.name == "size"), ())


def _card_price(offer: Offer) -> tuple[str, str]:
    stated = [choice.price for choice in _sizes(offer) if choice.price]
    lowest = min(stated, key=lambda price: price.per_hour, default=offer.price)
    amount, _, unit = describe_price(lowest).partition(" / ")
    if len({price.per_hour for price in stated}) > 1:
        amount = f"from {amount}" if unit else f"{amount} and up"
    return amount, f"/ {unit}" if unit else ""


def _card(offer: Offer, selected: bool, remembered: Mapping[str, object]) -> _Card:
    sizes = len(_sizes(offer))
    facts = describe_hardware(offer.hardware)
    return _Card(
        offer=offer,
        selected=selected,
        sized=sizes > 1,
        facts=(*facts, f"{sizes} sizes") if sizes > 1 else facts,
        price=_card_price(offer),
        fields=() if offer.locked else _fields(offer, remembered if selected else {}),
    )


def render_form(offers: Sequence[Offer], *, remembered: Mapping[str, object], notices: Sequence[str] = ()) -> str:
    """The cards to choose from, as HTML for the inside of JupyterHub's spawn form.

    What the form sends: `profile`, and for every open card its options as `image:<profile>`, `size:<profile>`
    and `environment:<profile>`, whichever card is selected.

    Args:
        offers: the cards in the order of the page; all text in them is escaped.
        remembered: the last accepted choice (`profile`, `image`, `size`, `environment`). What is no longer
            offered, or of the wrong type, is passed over.
        notices: sentences above the cards.
    """
    available = [offer.profile for offer in offers if not offer.locked]
    last = next((key for key in available if key == remembered.get("profile")), None)
    selected = last if last is not None else next(iter(available), None)
    choice = remembered if last is not None else {}
    return _template().render(
        cards=[_card(offer, offer.profile == selected, choice) for offer in offers],
        startable=bool(available),
        several=len(available) > 1,
        notices=notices,
    )

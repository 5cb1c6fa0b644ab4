"""An explanation as people and programs read it: one line per fact, each with the key that it comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

_WIDEST = 44  # characters of a text column: a longer text pushes its own key to the right, not everybody's


@dataclass(frozen=True, slots=True)
class Fact:
    """One line.

    Args:
        what: what it is about.
        text: what holds.
        key: dotted key of the values file that decides it; empty: none does.
        where: `file:line` of that key, `default` where no file states it; empty: not looked up.
    """

    what: str
    text: str
    key: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How the start would be turned down."""

    status: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen if this person started a server now.

    Args:
        person: the hub's user name.
        identity: ids, home and groups.
        profiles: one fact per card in display order, `what` its key.
        states: of the same cards: open, locked (shown, not selectable) or hidden.
        refusal: why nothing would start; None: it would.
        plan: what would start; empty if nothing would.
    """

    person: str
    identity: tuple[Fact, ...]
    profiles: tuple[Fact, ...]
    states: tuple[Literal["open", "locked", "hidden"], ...]
    refusal: Refusal | None
    plan: tuple[Fact, ...]


def to_dict(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain JSON values."""
    return {
        "person": explanation.person,
        "identity": [asdict(fact) for fact in explanation.identity],
        "profiles": [
            {"state": state, **asdict(fact)}
            for state, fact in zip(explanation.states, explanation.profiles, strict=True)
        ],
        "starts": explanation.refusal is None,
        "refusal": explanation.refusal and asdict(explanation.refusal),
        "plan": [asdict(fact) for fact in explanation.plan],
    }


def to_text(explanation: Explanation) -> str:
    """The explanation for a terminal; ends with a newline."""
    cards = [
        Fact(f"{state:<6}  {fact.what}", fact.text, fact.key, fact.where)
        for state, fact in zip(explanation.states, explanation.profiles, strict=True)
    ]
    lines = [explanation.person, *_lines(explanation.identity), "", "Profiles", *_lines(cards), ""]
    if refusal := explanation.refusal:
        lines += [f"Nothing would start (HTTP {refusal.status}, {refusal.reason})", f"  {refusal.message}"]
    else:
        lines += ["This would start", *_lines(explanation.plan)]
    return "\n".join(lines) + "\n"


def _lines(facts: Sequence[Fact]) -> Iterator[str]:
    if not facts:
        yield "  none"
    label = max((len(fact.what) for fact in facts), default=0)
    text = min(max((len(fact.text) for fact in facts), default=0), _WIDEST)
    for fact in facts:
        where = f" ({fact.where})" if fact.where else ""
        yield f"  {fact.what:<{label}}  {fact.text:<{text}}  {fact.key}{where}".rstrip()

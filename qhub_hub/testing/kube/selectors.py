"""Label and field selectors: which objects a list or watch is about."""

import re
from collections.abc import Callable, Mapping

from qhub_hub.testing.kube.errors import bad_request
from qhub_hub.testing.kube.kinds import Kind, Object

Selector = Callable[[Object], bool]

_KEY = r"(?:[A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_IN = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")
_NUMBER = re.compile(rf"\s*({_KEY})\s*([<>])\s*(-?[0-9]+)\s*")

Requirement = Callable[[Mapping[str, str]], bool]


def label_selector(text: str) -> Selector:
    """What `labelSelector=` asks for: `app=hub,tier in (a, b),!old`.

    Raises:
        ApiError: 400 where it cannot be read.
    """
    requirements = [_requirement(part, text) for part in _parts(text)]

    def matches(obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def _parts(text: str) -> list[str]:
    # A comma inside of parentheses belongs to `in (a, b)`.
    return [part for part in re.split(r",(?![^()]*\))", text)] if text.strip() else []


def _requirement(part: str, text: str) -> Requirement:
    if match := _IN.fullmatch(part):
        return _one_of(match)
    if match := _EQUAL.fullmatch(part):
        key, operator, value = match.groups()
        return (
            (lambda labels: labels.get(key) != value) if operator == "!=" else lambda labels: labels.get(key) == value
        )
    if match := _NUMBER.fullmatch(part):
        return _compared(*match.groups())
    if match := _EXISTS.fullmatch(part):
        absent, key = match.groups()
        return (lambda labels: key not in labels) if absent else (lambda labels: key in labels)
    raise bad_request(f"unable to parse requirement: {part.strip()!r} in the label selector {text!r}")


def _one_of(match: re.Match[str]) -> Requirement:
    key, operator, listed = match.groups()
    values = frozenset(value.strip() for value in listed.split(","))
    for value in values:
        if not re.fullmatch(_VALUE, value):
            raise bad_request(f"unable to parse requirement: {value!r} is no label value")
    if operator == "in":
        return lambda labels: labels.get(key) in values
    # `notin` also takes objects without the label.
    return lambda labels: labels.get(key) not in values


def _compared(key: str, operator: str, bound: str) -> Requirement:
    def matches(labels: Mapping[str, str]) -> bool:
        try:
            number = int(labels.get(key, ""))
        except ValueError:
            return False
        return number > int(bound) if operator == ">" else number < int(bound)

    return matches


def field_selector(text: str, kind: Kind) -> Selector:
    """What `fieldSelector=` asks for: `metadata.name=hub,status.phase!=Running`.

    Raises:
        ApiError: 400 where it cannot be read, or names a field this kind is not indexed by.
    """
    requirements: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        path, operator, value = re.match(r"([^=!]*)(==|!=|=)?(.*)", part).groups()  # type: ignore[union-attr]
        if operator is None:
            raise bad_request(f"invalid selector: {text!r}; can't understand {part!r}")
        if path not in kind.fields:
            raise bad_request(f"field label not supported: {path}")
        requirements.append((path, operator != "!=", value))
    return lambda obj: all((_field(obj, path) == value) is wanted for path, wanted, value in requirements)


def _field(obj: Object, path: str) -> str:
    if path == "source":
        return str((obj.get("source") or {}).get("component", ""))
    found: object = obj
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return str(found).lower()
    # A field that is not set selects like an empty one.
    return "" if found is None else str(found)


def both(labels: str, fields: str, kind: Kind) -> Selector | None:
    """Both selectors of a request as one; None: everything matches."""
    if not labels and not fields:
        return None
    by_label, by_field = label_selector(labels), field_selector(fields, kind)
    return lambda obj: by_label(obj) and by_field(obj)

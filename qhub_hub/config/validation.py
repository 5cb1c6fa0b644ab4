"""From plain values to models: pydantic's findings in our own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, to_json

from qhub_hub.config.models import Config
from qhub_hub.config.problems import Path, is_secret, show_value
from qhub_hub.config.suggestions import did_you_mean
from qhub_hub.config.wording import describe, node_at, resolve_node

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}

# A model is checked as a whole only once its fields are right, so more may come to light after each round.
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path of the `qhub` section.

    Args:
        path: keys below `qhub`.
        at_key: whether the key itself is wrong, not its value.
    """

    path: Path
    message: str
    at_key: bool = False


def validate(section: Mapping[str, Any]) -> tuple[Config | None, list[Finding]]:
    """The `qhub` section as a Config, and what is wrong with it.

    Returns:
        The Config, without the parts that are wrong, so that everything else can be checked too; None where nothing
        sensible is left. It may be used only if there are no findings.
    """
    findings: list[Finding] = []
    remaining = section
    for _ in range(_ROUNDS):
        try:
            return _strictly(remaining), findings
        except ValidationError as error:
            details = error.errors(include_url=False)
        schema = Config.model_json_schema()
        known = {finding.path for finding in findings}
        new = [_finding(detail, section, schema) for detail in details]
        findings += [finding for finding in new if finding.path not in known]
        if any(finding.at_key and len(finding.path) == 1 for finding in new):
            break  # a misspelt `groups:` would make every group unknown
        remaining = _without(remaining, [finding.path for finding in new], schema)
    return None, findings


def _strictly(section: Mapping[str, Any]) -> Config:
    # As JSON: only there does pydantic's strict mode take a list for a tuple, and strict it must be. `spot: "no"`
    # would be false here, but true to a Helm template.
    return Config.model_validate_json(to_json(section), strict=True, by_alias=True, by_name=False)


def _finding(detail: ErrorDetails, section: Mapping[str, Any], schema: Mapping[str, Any]) -> Finding:
    path, kind = tuple(detail["loc"]), detail["type"]
    if kind == "extra_forbidden":
        keys = node_at(schema, path[:-1]).get("properties", {})
        return Finding(path, f"unknown key; {did_you_mean(str(path[-1]), keys, 'keys')}", at_key=True)
    node = node_at(schema, path)
    if kind == "missing":
        return Finding(path, f"is missing; needed is {describe(schema, node)}")
    found = _value_at(section, path)
    if kind == "value_error":
        return Finding(path, _own_words(detail, found, path))
    shown = f"found {show_value(found, path)}"
    if bound := _BOUNDS.get(kind):
        name, words = bound
        limit = detail.get("ctx", {}).get(name)
        exact = describe(schema, node) if "minimum" in node and "anyOf" not in node else f"{words} {limit}"
        return Finding(path, f"{shown}; allowed is {exact}")
    return Finding(path, f"{shown}; allowed is {describe(schema, node)}")


def _own_words(detail: ErrorDetails, found: object, path: Path) -> str:
    # Raised by our own models and by `names`, whose sentences are written for people.
    if isinstance(found, dict):
        return str(detail["ctx"]["error"])
    if is_secret(path):
        return "this value is not allowed here"
    words = str(detail["ctx"]["error"])
    return words if repr(found) in words else f"found {show_value(found, path)}; {words}"


def _value_at(section: Any, path: Path) -> Any:
    for part in path:
        try:
            section = section[part]
        except (LookupError, TypeError):
            return None
    return section


def _without(section: Mapping[str, Any], paths: list[Path], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The section without what is wrong; an entry of a map keyed by name stays, empty, as others refer to it."""
    remaining: dict[str, Any] = _copy(section)
    # Backwards, so that removing an entry of a list does not move one that is still to be removed.
    for path in reversed(paths):
        parent = _value_at(remaining, path[:-1])
        part = path[-1] if path else None
        by_name = isinstance(node_at(schema, path[:-1]).get("additionalProperties"), Mapping)
        if isinstance(parent, dict) and part in parent:
            if by_name and "properties" in resolve_node(schema, node_at(schema, path)):
                parent[part] = {}
            else:
                del parent[part]
        elif isinstance(parent, list) and isinstance(part, int) and part < len(parent):
            del parent[part]
        elif isinstance(_value_at(remaining, path[:-2]), dict) and len(path) > 1:
            _value_at(remaining, path[:-2]).pop(path[-2], None)  # a missing key: what lacks it cannot be used
    return remaining


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(child) for key, child in value.items()}
    return [_copy(child) for child in value] if isinstance(value, list) else value

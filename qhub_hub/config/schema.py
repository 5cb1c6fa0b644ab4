"""The JSON Schema of a values file, for Helm and for editors; made from the models."""

from collections.abc import Mapping
from typing import Any

from qhub_hub.config.loading import COMPONENTS
from qhub_hub.config.models import Config

_KEPT_APART = ("properties", "$defs")  # their keys are names, not keywords of JSON Schema


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the whole values file.

    Every key below `qhub` may also be null: to Helm that takes a value back, and to QHub it means "left out".
    """
    config = _tidy(Config.model_json_schema())
    definitions = config.pop("$defs")
    for node in (config, *definitions.values()):
        node["properties"] = {name: _or_null(child) for name, child in node["properties"].items()}
    part = {"type": ["object", "null"], "description": "Settings of this part, handed on as they are."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "QHub values",
        "type": "object",
        "properties": {"qhub": _or_null(config), **{name: dict(part) for name in COMPONENTS}},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Without pydantic's titles, which repeat the keys, and without defaults that only say "left out"."""
    if isinstance(node, list):
        return [_tidy(child) for child in node]
    if not isinstance(node, Mapping):
        return node
    dropped = set() if names else {"title"} | ({"default"} if node.get("default", 0) is None else set())
    return {
        key: _tidy(child, names=key in _KEPT_APART and not names) for key, child in node.items() if key not in dropped
    }


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    node = dict(node)
    if isinstance(node.get("additionalProperties"), dict):
        node["additionalProperties"] = _or_null(node["additionalProperties"])
    about: dict[str, Any] = {key: node.pop(key) for key in ("description", "default", "examples") if key in node}
    if node.keys() == {"anyOf"}:
        choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
        return {**about, "anyOf": [*choices, {"type": "null"}]}
    if isinstance(node.get("type"), str) and "enum" not in node:
        return {**about, **node, "type": [node["type"], "null"]}
    return {**about, "anyOf": [node, {"type": "null"}]} if node else about

"""The models' JSON Schema in words: what a key allows, for error messages and for the reference page."""

import json
from collections.abc import Mapping
from typing import Any

from qhub_hub.config.problems import Path

Node = Mapping[str, Any]

_ARTICLES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
}


def resolve_node(schema: Node, node: Node) -> Node:
    """The node itself, where it refers to another or allows null besides another."""
    if "$ref" in node:
        found: Node = schema["$defs"][str(node["$ref"]).rsplit("/", 1)[-1]]
        return resolve_node(schema, found)
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    return resolve_node(schema, choices[0]) if len(choices) == 1 else node


def node_at(schema: Node, path: Path) -> Node:
    """The part of the schema that a path of the `qhub` section obeys; {} where there is none."""
    node = resolve_node(schema, schema)
    for part in path:
        if isinstance(part, int):
            below = node.get("items", {})
        else:
            below = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
        node = resolve_node(schema, below if isinstance(below, Mapping) else {})
    return node


def describe(schema: Node, node: Node) -> str:
    """What a node allows: `a whole number from 0 to 64`, `a number, or a text such as "500m"`."""
    node = resolve_node(schema, node)
    if "enum" in node:
        return _either([json.dumps(value) for value in node["enum"]])
    if "const" in node:
        return json.dumps(node["const"])
    if "anyOf" in node:
        kinds = [_ARTICLES.get(choice.get("type", ""), "") for choice in node["anyOf"] if choice["type"] != "null"]
        return _either(kinds) + _such_as(node)
    kind = node.get("type", "")
    if kind == "array":
        return f"a list, each entry {describe(schema, node.get('items', {}))}"
    return _ARTICLES.get(kind, "anything") + _bounds(node) + _such_as(node)


def _either(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _such_as(node: Node) -> str:
    examples = [json.dumps(example) for example in node.get("examples", ())]
    return f" such as {_either(examples)}" if examples else ""


def _bounds(node: Node) -> str:
    low = node.get("minimum")
    high = node.get("maximum", node["exclusiveMaximum"] - 1 if "exclusiveMaximum" in node else None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f", {low} or more"
    if high is not None:
        return f", at most {high}"
    if "maxLength" in node and "pattern" not in node:
        return f" of {node.get('minLength', 0)} to {node['maxLength']} characters"
    return ""

"""The reference page of the values file, made from the models so that it cannot lie."""

import json
from collections.abc import Iterator
from typing import Any

from qhub_hub.config.checks.variables import REFUSED
from qhub_hub.config.live import RESTART_KEYS
from qhub_hub.config.models import Config
from qhub_hub.config.wording import Node, describe, resolve_node

_HEAD = """# The values file

<!-- Made by `python -m qhub_hub.config.generate` from the models in `qhub_hub/config/models`; edit those. -->

Every key of the `qhub:` section.
`<name>` stands for a name that you choose; maps keyed by name merge when several files are given.
A key that is left out, or set to `null`, has its default.
Other top-level keys (`jupyterhub`, `dask-gateway`, `conda-store`, `ssh`, `jitsi`, `nfs`, `global`) are handed to those
parts as they are.

Amounts: cores are numbers or texts such as `"500m"`; sizes are bytes or texts such as `"4Gi"`; times are seconds or
texts such as `"30m"`.
YAML that Helm, Terraform and Python read differently (`0644`, `1_000`, `2026-01-01`, `12:30`, `yes`, keys such as `on`)
is refused: quote it.
"""


def reference() -> str:
    """The page as Markdown: a heading per section, a table row per key."""
    schema = Config.model_json_schema()
    sections = "\n".join(_sections(schema, "qhub", schema))
    restarts = ", ".join(f"`{key}`" for key in RESTART_KEYS)
    refused = "\n".join(f"- `{name}`: {reason}." for name, reason in REFUSED.items())
    return (
        f"{_HEAD}\n{sections}\n"
        f"## What needs a restart\n\nA running hub takes up every change by itself, except of {restarts}.\n\n"
        "## Variables that a profile may not set\n\nRegular expressions over the names below "
        f"`qhub.profiles.<name>.env`.\n\n{refused}\n"
    )


def _sections(schema: Node, path: str, node: Node) -> Iterator[str]:
    yield f"## `{path}`\n\n{node.get('description', '')}\n"
    yield "| key | allowed | default | meaning |\n| --- | --- | --- | --- |"
    below: list[tuple[str, Node]] = []
    for key, child in node["properties"].items():
        target, suffix = _section_behind(schema, child)
        if target is not None:
            below.append((f"{path}.{key}{suffix}", target))
        default = "" if target is not None else _default(child)
        yield f"| `{key}` | {_cell(_kind(schema, child, suffix))} | {default} | {_cell(_meaning(schema, child))} |"
    yield ""
    for name, target in below:
        yield from _sections(schema, name, target)


def _section_behind(schema: Node, node: Node) -> tuple[Node | None, str]:
    """The model that a key leads to, and how its path goes on: `.<name>` through a map, `[]` through a list."""
    resolved = resolve_node(schema, node)
    if "properties" in resolved:
        return resolved, ""
    for keyword, suffix in (("additionalProperties", ".<name>"), ("items", "[]")):
        inner: Any = resolved.get(keyword)
        if isinstance(inner, dict) and "properties" in (model := resolve_node(schema, inner)):
            return model, suffix
    return None, ""


def _kind(schema: Node, node: Node, suffix: str) -> str:
    if suffix == ".<name>":
        return "a map keyed by name, see below"
    if suffix == "[]":
        return "a list of maps, see below"
    text = describe(schema, node)
    return f"{text}, see below" if text == "a map" and "$ref" in str(node) else text


def _default(node: Node) -> str:
    default = node.get("default")
    if default is None or default == "":
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _meaning(schema: Node, node: Node) -> str:
    return str(node.get("description") or resolve_node(schema, node).get("description", ""))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

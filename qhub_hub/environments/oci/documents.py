"""The documents of an image: its configuration, its manifest, and the index that leads to them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qhub_hub.environments.oci.base import Base
from qhub_hub.environments.oci.tar import Blob

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEPT = ("Env", "Labels", "ExposedPorts", "Volumes", "StopSignal")
"""What of the base's configuration stays; what it starts, as whom and where does not."""


@dataclass(frozen=True, slots=True)
class Running:
    """How programs run in the image.

    Args:
        environment: variables; a `PATH` comes before the base's.
        entrypoint: begins every command; empty: nothing does.
        command: runs where people state none.
        folder: where it runs.
        ports: that servers in it listen on.
    """

    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    folder: str
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What an image is.

    Args:
        architecture: as the image specification calls it.
        created: time as `2026-11-21T13:37:55Z`.
        labels: annotations of the image specification, by their whole names.
    """

    architecture: str
    created: str
    labels: Mapping[str, str]


def dumped(document: Mapping[str, Any]) -> bytes:
    """A document as the same bytes on every day."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def digest_of(document: bytes) -> str:
    """`sha256:…` of a document."""
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def descriptor(document: bytes, media_type: str) -> dict[str, Any]:
    """How other documents refer to this one."""
    return {"mediaType": media_type, "digest": digest_of(document), "size": len(document)}


def config_of(about: About, running: Running, base: Base | None, layers: Sequence[Blob]) -> bytes:
    """An image's configuration.

    Args:
        layers: all of them, the lowest first; those of the base come first, and have no title.
    """
    below = base.config if base else {}
    settings = {key: value for key, value in (below.get("config") or {}).items() if key in _KEPT and value}
    variables = dict(text.partition("=")[::2] for text in settings.get("Env", ()))
    path = f"{running.environment['PATH']}:{variables.get('PATH', _PATH)}"
    variables = {"LANG": "C.UTF-8"} | variables | dict(running.environment) | {"PATH": path}
    # What the base says of itself is not true of this image: only what is said anew stays of those.
    labels = {k: v for k, v in settings.get("Labels", {}).items() if not k.startswith("org.opencontainers.image.")}
    settings |= {
        "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
        "Labels": labels | dict(about.labels),
        "WorkingDir": running.folder,
        "User": "1000:1000",
        "Cmd": list(running.command),
    }
    if running.entrypoint:
        settings["Entrypoint"] = list(running.entrypoint)
    if running.ports:
        settings["ExposedPorts"] = settings.get("ExposedPorts", {}) | {f"{port}/tcp": {} for port in running.ports}
    document = {
        "architecture": about.architecture,
        **({"variant": "v8"} if about.architecture == "arm64" else {}),
        "os": "linux",
        "created": about.created,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [*_history_below(below, layers), *(_step(about.created, layer) for layer in layers if layer.title)],
    }
    return dumped(document)


def _history_below(below: Mapping[str, Any], layers: Sequence[Blob]) -> Iterable[dict[str, Any]]:
    """The base's, where it fits its layers: one step each, but for those that are said to be empty."""
    count = sum(not layer.title for layer in layers)
    steps: list[dict[str, Any]] = below.get("history") or []
    if sum(not step.get("empty_layer") for step in steps) == count:
        return steps
    return [{"created_by": "base"}] * count


def _step(created: str, layer: Blob) -> dict[str, Any]:
    return {"created": created, "created_by": f"qhub env image: {layer.title}"}


def manifest_of(config: bytes, layers: Sequence[Blob], labels: Mapping[str, str]) -> bytes:
    """An image's manifest."""
    return dumped(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config, CONFIG),
            "layers": [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size} for layer in layers],
            "annotations": dict(labels),
        }
    )


def index_of(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """The index of a folder of images."""
    return dumped({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)})

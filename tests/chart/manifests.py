"""Rendered objects, and questions about them."""

import base64
from collections.abc import Iterator
from typing import Any

import yaml

Object = dict[str, Any]


class Manifests:
    """What one render gave.

    Args:
        text: of all objects, as Helm writes it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.objects: list[Object] = [found for found in yaml.safe_load_all(text) if found]

    def get(self, kind: str, name: str) -> Object:
        """The object of that kind and name."""
        return next(each for each in self.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))

    def names(self, kind: str) -> list[str]:
        """Names of all objects of a kind."""
        return [each["metadata"]["name"] for each in self.objects if each["kind"] == kind]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Every pod template, by the name of what makes its pods."""
        for each in self.objects:
            if each["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job"):
                yield each["metadata"]["name"], each["spec"]["template"]

    def containers(self) -> Iterator[tuple[str, Object]]:
        """Every container, by pod and name."""
        for name, pod in self.pods():
            for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                yield f"{name}/{container['name']}", container

    def secret(self, name: str) -> dict[str, str]:
        """What a Secret holds, as text."""
        found = self.get("Secret", name)
        decoded = {
            key: base64.b64decode(value).decode(errors="replace") for key, value in found.get("data", {}).items()
        }
        return decoded | found.get("stringData", {})

    def hub_values(self) -> dict[str, Any]:
        """The `jupyterhub` values as the hub reads them."""
        values: dict[str, Any] = yaml.safe_load(self.secret("hub")["values.yaml"])
        return values

"""The environment that a container's spec describes, with what it takes from the pod, secrets and config maps."""

import base64
import re
from typing import Any

from qhub_hub.testing.kube.kinds import Object
from qhub_hub.testing.kube.kubelet import ContainerError
from qhub_hub.testing.kube.pod import Pod

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def container_environment(pod: Pod, container: Object) -> dict[str, str]:
    """All variables of a container.

    Raises:
        ContainerError: a secret or config map that must be there is not.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        found |= {source.get("prefix", "") + key: value for key, value in _all_of(pod, source).items()}
    for variable in container.get("env") or []:
        value = _value(pod, variable)
        if value is not None:
            found[variable["name"]] = value
    return found


def _value(pod: Pod, variable: Object) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value") or "")
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    for kind in ("secretKeyRef", "configMapKeyRef"):
        if kind in source:
            return _key_of(pod, kind.removesuffix("KeyRef"), source[kind])
    raise ContainerError(
        "CreateContainerConfigError",
        f"The variable {variable['name']} comes from {', '.join(source)}, which this kubelet does not know.",
    )


def _field(pod: Pod, path: str) -> str:
    if match := _KEYED.fullmatch(path):
        return str(pod.object["metadata"].get(match[1], {}).get(match[2], ""))
    if path in ("status.podIP", "status.podIPs"):
        return pod.address
    found: Any = pod.object
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return str(found)


def _data(pod: Pod, kind: str, name: str) -> dict[str, str] | None:
    stored = pod.api.store.get(pod.api.kinds.named(f"{kind.lower()}s"), pod.namespace, name)
    if stored is None:
        return None
    data = stored.object.get("data") or {}
    if kind == "secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return dict(data)


def _key_of(pod: Pod, kind: str, source: Object) -> str | None:
    data = _data(pod, kind, source["name"])
    if data is not None and source["key"] in data:
        return data[source["key"]]
    if source.get("optional"):
        return None
    raise ContainerError(
        "CreateContainerConfigError",
        f'{kind.lower()} "{source["name"]}" not found'
        if data is None
        else f"couldn't find key {source['key']} in {kind} {pod.namespace}/{source['name']}",
    )


def _all_of(pod: Pod, source: Object) -> dict[str, str]:
    for kind in ("secret", "configMap"):
        if reference := source.get(f"{kind}Ref"):
            data = _data(pod, kind, reference["name"])
            if data is None and not reference.get("optional"):
                raise ContainerError("CreateContainerConfigError", f'{kind.lower()} "{reference["name"]}" not found')
            return data or {}
    return {}

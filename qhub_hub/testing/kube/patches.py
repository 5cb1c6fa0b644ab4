"""The ways to PATCH an object; each gives a new object and leaves the old one as it was."""

from typing import Any

from qhub_hub.testing.kube.errors import ApiError, bad_request
from qhub_hub.testing.kube.kinds import Object

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# Lists that a strategic merge patch merges by a key of their items; all other lists are replaced.
# Source: `patchMergeKey` in the Kubernetes API types.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "conditions": "type",
    "ownerReferences": "uid",
    "taints": "key",
    "addresses": "type",
    "secrets": "name",
}


def apply_patch(obj: Object, patch: Any, content_type: str) -> Object:
    """The object as the patch wants it.

    Args:
        content_type: of the request; says which kind of patch it is.

    Raises:
        ApiError: 400 where the patch is no object, 415 for a kind of patch that is not known here.
    """
    if content_type not in (MERGE, STRATEGIC):
        raise ApiError(
            415,
            f"the body of the request was in an unknown format - accepted media types include: {MERGE}, {STRATEGIC}",
        )
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: it must be a JSON object")
    merged: Object = _merged(obj, patch, content_type == STRATEGIC, "")
    return merged


def _merged(old: Any, new: Any, strategic: bool, field: str) -> Any:
    if isinstance(new, dict):
        return _merged_map(old if isinstance(old, dict) else {}, new, strategic)
    key = _merge_key(field, new) if strategic and isinstance(new, list) else None
    if key is not None:
        return _merged_list(old or [], new, key)
    if strategic and field == "finalizers" and isinstance(new, list):
        return [*(old or []), *(item for item in new if item not in (old or []))]
    return new


def _merged_map(old: Object, new: Object, strategic: bool) -> Object:
    if strategic and new.get("$patch") == "replace":
        return {key: value for key, value in new.items() if key != "$patch"}
    result = dict(old)
    for key, value in new.items():
        if strategic and key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif strategic and key.startswith("$"):
            continue  # the order of list items: no reader of the fake depends on it
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(old.get(key), value, strategic, key)
    return result


def _merge_key(field: str, items: list[Any]) -> str | None:
    if field == "ports":
        # Containers and services both have ports, with another key each.
        return "containerPort" if any("containerPort" in item for item in items) else "port"
    return _MERGE_KEYS.get(field)


def _merged_list(old: list[Object], new: list[Object], key: str) -> list[Object]:
    if any(item.get("$patch") == "replace" for item in new):
        return [item for item in new if "$patch" not in item]
    result = {item[key]: item for item in old}
    for item in new:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        if item.get("$patch") == "delete":
            result.pop(item[key], None)
        else:
            result[item[key]] = _merged_map(result.get(item[key], {}), item, strategic=True)
    return list(result.values())

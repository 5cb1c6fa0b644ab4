"""Which objects the API server takes: names, labels, owners and pods; a broken rule is named as the real one does."""

import re
from collections.abc import Iterator
from typing import Any

from qhub_hub.testing.kube.errors import ApiError, Cause, bad_request, invalid, required, unsupported, unusable
from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.quantities import quantity

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_KEY = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    f"validation is '{_VALUE}')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character"
)
ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values together
_DNS_LABELS = {"Namespace", "Service"}  # whose names become one part of a DNS name


def check_object(kind: Kind, obj: Object) -> None:
    """Refuse an object that breaks a rule.

    Raises:
        ApiError: 422 with every broken rule; 400 where a field has not even the right type.
    """
    causes = list(_metadata(kind, obj["metadata"]))
    if kind.kind == "Pod":
        causes += _pod(obj.get("spec") or {})
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes)


def _metadata(kind: Kind, metadata: Object) -> Iterator[Cause]:
    name = metadata.get("name", "")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.kind in _DNS_LABELS and not re.fullmatch(_LABEL, name):
        yield unusable("metadata.name", name, _LABEL_RULE)
    elif not re.fullmatch(_SUBDOMAIN, name) and kind.group != "rbac.authorization.k8s.io":
        yield unusable("metadata.name", name, _SUBDOMAIN_RULE)
    longest = 63 if kind.kind in _DNS_LABELS else 253
    if len(name) > longest:
        yield unusable("metadata.name", name, f"must be no more than {longest} bytes")
    yield from _labels("metadata.labels", metadata.get("labels") or {})
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        yield from _key("metadata.annotations", key.lower())
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
        yield Cause("FieldValueTooLong", message, "metadata.annotations")
    for owner in metadata.get("ownerReferences") or []:
        for field, rule in (
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ):
            if not owner.get(field):
                yield unusable(f"metadata.ownerReferences.{field}", "", rule)


def _key(field: str, key: str) -> Iterator[Cause]:
    prefix, _, name = key.rpartition("/")
    if not re.fullmatch(_KEY, name) or len(name) > 63:
        yield unusable(field, key, _KEY_RULE)
    if "/" in key and not re.fullmatch(_SUBDOMAIN, prefix):
        yield unusable(field, key, f"prefix part {_SUBDOMAIN_RULE}")


def _labels(field: str, labels: dict[str, Any]) -> Iterator[Cause]:
    for key, value in labels.items():
        if not isinstance(value, str):
            raise bad_request(f"json: cannot unmarshal the label {key!r} into Go value of type string")
        yield from _key(field, key)
        if len(value) > 63:
            yield unusable(field, value, "must be no more than 63 bytes")
        if not re.fullmatch(_VALUE, value):
            yield unusable(field, value, _VALUE_RULE)


def _pod(spec: Object) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required("spec.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    for field in ("initContainers", "containers"):
        seen: set[str] = set()
        containers = spec.get(field) or []
        if not isinstance(containers, list):
            raise _not_a_pod(f"json: cannot unmarshal string into Go struct field PodSpec.spec.{field}")
        for index, container in enumerate(containers):
            path = f"spec.{field}[{index}]"
            name = container.get("name", "")
            if name in seen:
                yield Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{path}.name")
            seen.add(name)
            yield from _container(path, container, volumes)
    policies = ("Always", "OnFailure", "Never")
    if (policy := spec.get("restartPolicy") or "Always") not in policies:
        yield unsupported("spec.restartPolicy", policy, policies)


def _not_a_pod(why: str) -> ApiError:
    return bad_request(f'Pod in version "v1" cannot be handled as a Pod: {why}')


def _container(path: str, container: Object, volumes: set[Any]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif not re.fullmatch(_LABEL, name):
        yield unusable(f"{path}.name", name, _LABEL_RULE)
    if not container.get("image"):
        yield required(f"{path}.image")
    for index, variable in enumerate(container.get("env") or []):
        if not variable.get("name"):
            yield required(f"{path}.env[{index}].name")
        if not isinstance(variable.get("value", ""), str):
            raise _not_a_pod("json: cannot unmarshal number into Go struct field EnvVar.value of type string")
    yield from _resources(path, container.get("resources") or {})
    mounted: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            found = f'Not found: "{mount.get("name")}"'
            yield Cause("FieldValueNotFound", found, f"{path}.volumeMounts[{index}].name")
        if mount.get("mountPath") in mounted:
            message = f'Invalid value: "{mount.get("mountPath")}": must be unique'
            yield Cause("FieldValueInvalid", message, f"{path}.volumeMounts[{index}].mountPath")
        mounted.add(mount.get("mountPath", ""))


def _resources(path: str, resources: Object) -> Iterator[Cause]:
    try:
        limits = {key: quantity(value) for key, value in (resources.get("limits") or {}).items()}
        requests = {key: quantity(value) for key, value in (resources.get("requests") or {}).items()}
    except ValueError as error:
        raise _not_a_pod(str(error)) from None
    for key, amount in requests.items():
        if key in limits and amount > limits[key]:
            shown = resources["requests"][key]
            yield unusable(
                f"{path}.resources.requests",
                str(shown),
                f"must be less than or equal to {key} limit of {resources['limits'][key]}",
            )


_CHANGEABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName")


def check_update(kind: Kind, old: Object, new: Object) -> None:
    """Refuse a change of what may not change.

    Raises:
        ApiError: 422 where a pod's spec changes beyond its images and tolerations.
    """
    if kind.kind == "Pod" and _fixed(old["spec"]) != _fixed(new.get("spec") or {}):
        message = (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)"
        )
        raise invalid(kind, old["metadata"]["name"], [Cause("FieldValueForbidden", message, "spec")])


def _fixed(spec: Object) -> Object:
    fixed = {key: value for key, value in spec.items() if key not in _CHANGEABLE}
    for field in ("initContainers", "containers"):
        if fixed.get(field):
            fixed[field] = [{**container, "image": ""} for container in fixed[field]]
    return fixed

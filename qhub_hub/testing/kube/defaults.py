"""What the API server fills in when an object is created: identity, and the defaults that clients read back."""

import base64
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from qhub_hub.testing.kube.errors import bad_request
from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.quantities import canonical

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no words come out
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
_UNSET: tuple[Any, ...] = (None, [], {})


def timestamp(later: float = 0) -> str:
    """Now, or some seconds later, as objects carry it."""
    return (datetime.now(UTC) + timedelta(seconds=later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_object(kind: Kind, namespace: str, body: Object) -> Object:
    """The object that a client's body becomes. The body itself is not changed."""
    metadata = {key: value for key, value in body.get("metadata", {}).items() if value not in _UNSET}
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp()
    metadata.pop("deletionTimestamp", None)
    return {**body, "kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}


def complete(kind: Kind, obj: Object) -> Object:
    """The object with the defaults of its kind filled in; it must have passed `check_object`."""
    fill_in = _COMPLETE.get(kind.kind) if kind.group == "" else None
    return fill_in(obj) if fill_in else obj


def _pod(obj: Object) -> Object:
    spec = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
    } | {key: value for key, value in obj["spec"].items() if value is not None}
    spec["serviceAccount"] = spec["serviceAccountName"]
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [_container(container) for container in spec[field]]
    spec["tolerations"] = [*(spec.get("tolerations") or []), *_node_troubles(spec.get("tolerations") or [])]
    obj["metadata"]["generation"] = 1
    return {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": _quality(spec)}}


def _container(container: Object) -> Object:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    filled = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always" if tag in ("", "latest") and "@" not in image else "IfNotPresent",
    } | {key: value for key, value in container.items() if value is not None}
    filled["resources"] = resources = dict(filled["resources"])
    for part in ("requests", "limits"):
        if resources.get(part):
            resources[part] = {name: canonical(amount) for name, amount in resources[part].items()}
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    if filled.get("ports"):
        filled["ports"] = [{"protocol": "TCP", **port} for port in filled["ports"]]
    return filled


def _node_troubles(given: list[Object]) -> list[Object]:
    # A pod stays five minutes on a node that went away, unless it says otherwise.
    troubles = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    told = {toleration.get("key") for toleration in given}
    common = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    return [{"key": key, **common} for key in troubles if key not in told]


def _quality(spec: Object) -> str:
    resources = [container["resources"] for container in spec.get("containers") or []]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(each.get("limits") or {}) and each["limits"] == each.get("requests")
        for each in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _claim(obj: Object) -> Object:
    metadata = obj["metadata"]
    metadata["finalizers"] = [*metadata.get("finalizers", []), CLAIM_PROTECTION]
    spec = {"storageClassName": "standard", "volumeMode": "Filesystem", **obj.get("spec", {})}
    return {**obj, "spec": spec, "status": {"phase": "Pending"}}


def _service(obj: Object) -> Object:
    spec = {"type": "ClusterIP", "sessionAffinity": "None", **obj.get("spec", {})}
    if spec["type"] != "ExternalName" and "clusterIP" not in spec:
        # Out of a network that nothing on a machine has; nobody can reach it, as no packet leaves the fake.
        spec["clusterIP"] = f"10.96.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        spec["clusterIPs"] = [spec["clusterIP"]]
    spec["ports"] = [{"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec.get("ports") or []]
    return {**obj, "spec": spec, "status": {"loadBalancer": {}}}


def _namespace(obj: Object) -> Object:
    metadata = obj["metadata"]
    metadata["labels"] = {"kubernetes.io/metadata.name": metadata.get("name", ""), **metadata.get("labels", {})}
    return {**obj, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def complete_secret(obj: Object) -> Object:
    """A secret with its plain `stringData` moved into `data`.

    Raises:
        ApiError: 400 where `data` is not base64.
    """
    data: dict[str, Any] = dict(obj.get("data") or {})
    for value in data.values():
        try:
            base64.b64decode(value or "", validate=True)
        except ValueError:
            raise bad_request('Secret in version "v1" cannot be handled as a Secret: illegal base64 data') from None
    for key, value in (obj.get("stringData") or {}).items():
        data[key] = base64.b64encode(value.encode()).decode()
    rest = {key: value for key, value in obj.items() if key not in ("data", "stringData")}
    return {"type": "Opaque", **rest, **({"data": data} if data else {})}


def _quota(obj: Object) -> Object:
    return {**obj, "status": {}}


_COMPLETE = {
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "Namespace": _namespace,
    "Secret": complete_secret,
    "ResourceQuota": _quota,
}

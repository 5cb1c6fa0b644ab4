"""What each request does, without HTTP: read, write and delete objects by the API server's rules."""

from typing import Any

from qhub_hub.testing.kube.admission import Operation, Review, Rule
from qhub_hub.testing.kube.controllers import Controllers
from qhub_hub.testing.kube.defaults import complete, complete_secret, new_object, timestamp
from qhub_hub.testing.kube.deletion import DeleteOptions, Deletion
from qhub_hub.testing.kube.errors import ApiError, already_exists, bad_request, conflict, forbidden, not_found
from qhub_hub.testing.kube.kinds import Kind, Kinds, Object
from qhub_hub.testing.kube.patches import apply_patch
from qhub_hub.testing.kube.pod_security import ENFORCE
from qhub_hub.testing.kube.pod_security import denial as against_pod_security
from qhub_hub.testing.kube.quotas import denial as over_quota
from qhub_hub.testing.kube.selectors import Selector
from qhub_hub.testing.kube.store import Store, Stored
from qhub_hub.testing.kube.validation import check_object, check_update

_NOT_MINE = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


class Api:
    """One cluster's objects, and the rules for changing them.

    Args:
        admission: rules besides the cluster's own; asked in order, before every write.
    """

    def __init__(self, admission: list[Rule]) -> None:
        self.kinds, self.store, self.admission = Kinds(), Store(), admission
        self.deletion = Deletion(self.store)
        self._controllers = Controllers(self.kinds, self.store, self.deletion)
        for name in ("default", "kube-system"):
            self.create(self.kinds.named("namespaces"), "", {"metadata": {"name": name}})

    def find(self, kind: Kind, namespace: str, selector: Selector | None) -> list[Stored]:
        """The objects that a selector matches; an empty namespace means all of them."""
        return [stored for stored in self.store.all(kind, namespace) if not selector or selector(stored.object)]

    def get(self, kind: Kind, namespace: str, name: str) -> Stored:
        """One object. Raises `ApiError` 404."""
        stored = self.store.get(kind, namespace, name)
        if stored is None:
            raise not_found(kind, name)
        return stored

    def create(self, kind: Kind, namespace: str, body: Object) -> Object:
        """Write a new object.

        Raises:
            ApiError: 400, 403, 404 (namespace), 409 or 422.
        """
        _check_type(kind, namespace, body)
        if (body.get("metadata") or {}).get("resourceVersion"):
            raise ApiError(500, "resourceVersion should not be set on objects to be created")
        obj = new_object(kind, namespace, body)
        name = obj["metadata"].get("name", "")
        self._check_namespace(kind, namespace, name)
        check_object(kind, obj)
        if self.store.get(kind, namespace, name):
            raise already_exists(kind, name)
        review = Review("CREATE", kind, namespace, name, complete(kind, obj))
        self._admit(review)
        return self.store.put(kind, review.object)

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        namespaces = self.kinds.named("namespaces")
        found = self.get(namespaces, "", namespace)
        if "deletionTimestamp" in found.object["metadata"]:
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated"}
            raise forbidden(
                kind,
                name,
                f"unable to create new content in namespace {namespace} because it is being terminated",
                {"causes": [{**cause, "field": "metadata.namespace"}]},
            )

    def _admit(self, review: Review) -> None:
        for rule in self.admission:
            if denied := rule(review):
                raise forbidden(review.kind, review.name, denied)
        if review.operation != "CREATE" or not review.namespace:
            return
        if review.kind.kind == "Pod":
            namespace = self.get(self.kinds.named("namespaces"), "", review.namespace).object
            level = namespace["metadata"].get("labels", {}).get(ENFORCE, "privileged")
            if denied := against_pod_security(review.object["spec"], level):
                raise forbidden(review.kind, review.name, denied)
        for quota in self.store.all(self.kinds.named("resourcequotas"), review.namespace):
            if denied := over_quota(self.store, quota.object, review.kind, review.object):
                raise forbidden(review.kind, review.name, denied)

    def update(self, kind: Kind, old: Object, body: Object, subresource: str = "") -> Object:
        """Replace an object, or only its status.

        Raises:
            ApiError: 400, 403, 409 (somebody else changed it since) or 422.
        """
        name = old["metadata"]["name"]
        _check_type(kind, old["metadata"].get("namespace", ""), body)
        metadata = body.get("metadata") or {}
        if metadata.get("name", name) != name:
            message = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            raise bad_request(message)
        if metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise conflict(kind, name, f"Precondition failed: UID in precondition: {metadata['uid']}")
        if metadata.get("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise conflict(kind, name, why)
        new = self._next(kind, old, body, subresource)
        if _same(new, old):
            return old
        if not self.deletion.released(kind, new):
            return self.store.put(kind, new)
        return new

    def _next(self, kind: Kind, old: Object, body: Object, subresource: str) -> Object:
        if subresource == "status":
            return {**old, "status": body.get("status") or {}}
        metadata = {key: value for key, value in body["metadata"].items() if value not in (None, {}, [])}
        metadata |= {key: old["metadata"][key] for key in _NOT_MINE if key in old["metadata"]}
        metadata |= {key: old["metadata"][key] for key in ("name", "namespace") if key in old["metadata"]}
        new = {**body, "kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if "status" in old:
            new["status"] = old["status"]  # only the status subresource changes it
        if kind.kind == "Secret":
            new = complete_secret(new)
        check_object(kind, new)
        check_update(kind, old, new)
        review = Review("UPDATE", kind, metadata.get("namespace", ""), metadata["name"], new, old)
        self._admit(review)
        return review.object

    def patch(self, kind: Kind, old: Object, patch: tuple[Any, str], subresource: str = "") -> Object:
        """Change parts of an object.

        Args:
            patch: the patch and its content type.

        Raises:
            ApiError: as `update`, and 415.
        """
        return self.update(kind, old, apply_patch(old, *patch), subresource)

    def delete(self, kind: Kind, obj: Object, options: DeleteOptions) -> Object:
        """Delete an object; returns it as it is afterwards, or was at last. Raises `ApiError` 403 or 409."""
        metadata = obj["metadata"]
        operation: Operation = "DELETE"
        self._admit(Review(operation, kind, metadata.get("namespace", ""), metadata["name"], obj, obj))
        if kind.kind == "Namespace":
            if "deletionTimestamp" in metadata:
                return obj
            terminating = {**metadata, "deletionTimestamp": timestamp()}
            return self.store.put(kind, {**obj, "metadata": terminating, "status": {"phase": "Terminating"}})
        return self.deletion.delete(kind, obj, options)


def _check_type(kind: Kind, namespace: str, body: Any) -> None:
    if not isinstance(body, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind; "
            "it is no JSON object"
        )
    found = body.get("kind") or kind.kind
    if found != kind.kind:
        raise bad_request(
            f'{found} in version "{body.get("apiVersion")}" cannot be handled as a {kind.kind}: '
            f"converting ({body.get('apiVersion')}.{found}) to (core.{kind.kind}): unknown conversion"
        )
    if kind.namespaced and (body.get("metadata") or {}).get("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _same(new: Object, old: Object) -> bool:
    def core(obj: Object) -> Object:
        metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
        return {**obj, "metadata": metadata}

    # A write that changes nothing makes no new version and wakes no watch.
    return core(new) == core(old)

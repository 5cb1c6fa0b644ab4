"""The API over HTTP: addresses, query parameters, bodies and Status answers."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from qhub_hub.testing.kube.api import Api
from qhub_hub.testing.kube.deletion import DeleteOptions
from qhub_hub.testing.kube.errors import ApiError, bad_request, version_too_large
from qhub_hub.testing.kube.faults import Call, Faults, Unreachable
from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.selectors import both
from qhub_hub.testing.kube.watches import Watches

REMEMBERED = 20_000  # requests kept for tests to look at
_LARGEST_BODY = 3 * 1024 * 1024  # bytes; the API server's own bound
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_TRUE = ("1", "true", "True")


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


class Server:
    """Answers requests for one `Api`.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.watches = Watches(api.store)
        self.faults = Faults(api.store, self.watches)
        self.calls: deque[Call] = deque(maxlen=REMEMBERED)

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_get("/version", self._version)
        for path in ("/healthz", "/livez", "/readyz"):
            application.router.add_get(path, self._healthy)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"})

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            target = self._target(request.match_info["path"])
            if target is None:
                return web.Response(status=404, text="404 page not found\n")
            verb = _verb(request, target)
            call = Call(verb, target.kind.plural, target.namespace, target.name)
            self.calls.append(call)
            await self.faults.meet(call)
            return await self._act(verb, target, request)
        except ApiError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            return _json(json.dumps(error.status()).encode(), error.code, headers)
        except Unreachable:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    def _target(self, path: str) -> Target | None:
        """What `api/v1/namespaces/hub/pods/x/status` names; None: no such API."""
        root, *parts = path.strip("/").split("/")
        if root == "api" and parts[:1] == ["v1"]:
            group, version, parts = "", "v1", parts[1:]
        elif root == "apis" and len(parts) > 1:
            group, version, parts = parts[0], parts[1], parts[2:]
        else:
            return None
        if not any((kind.group, kind.version) == (group, version) for kind in self.api.kinds):
            return None
        namespace = ""
        if parts[:1] == ["namespaces"] and len(parts) > 2 and parts[2] not in ("status", "finalize"):
            namespace, parts = parts[1], parts[2:]
        kind = self.api.kinds.find(group, version, parts[0]) if parts else None
        if kind is None or len(parts) > 3 or bool(namespace) > kind.namespaced:
            raise ApiError(404, "the server could not find the requested resource", details={})
        name, subresource = [*parts[1:], "", ""][:2]
        if subresource not in ("", "status"):
            raise ApiError(404, "the server could not find the requested resource", details={})
        return Target(kind, namespace, name, subresource)

    async def _act(self, verb: str, target: Target, request: web.Request) -> web.StreamResponse:
        if verb == "watch":
            selector = _selector(target, request)
            return await self.watches.serve(request, target.kind, target.namespace, selector)
        if verb == "list":
            return self._list(target, request)
        if verb == "create":
            body = await _body(request, target.kind)
            created = self.api.create(target.kind, target.namespace, body)
            return self._object(target, created, 201)
        if verb == "deletecollection":
            return await self._delete_all(target, request)
        stored = self.api.get(target.kind, target.namespace, target.name)
        if verb == "get":
            return _json(stored.json)
        if verb == "delete":
            return await self._delete(target, stored.object, request)
        body = await _body(request, target.kind)
        # While the body came in, somebody else may have written.
        old = self.api.get(target.kind, target.namespace, target.name).object
        if verb == "update":
            return self._object(target, self.api.update(target.kind, old, body, target.subresource))
        patch = (body, request.content_type)
        return self._object(target, self.api.patch(target.kind, old, patch, target.subresource))

    def _object(self, target: Target, obj: Object, status: int = 200) -> web.Response:
        stored = self.api.store.get(target.kind, target.namespace, obj["metadata"]["name"])
        if stored is not None and stored.object is obj:
            return _json(stored.json, status)
        return _json(json.dumps(obj).encode(), status)

    def _list(self, target: Target, request: web.Request) -> web.Response:
        self._check_version(request.query.get("resourceVersion", ""))
        items = self.api.find(target.kind, target.namespace, _selector(target, request))
        return self._listing(target.kind, [stored.item for stored in items])

    def _listing(self, kind: Kind, items: list[bytes]) -> web.Response:
        head = f'{{"kind":"{kind.kind}List","apiVersion":"{kind.api_version}",'
        head += f'"metadata":{{"resourceVersion":"{self.api.store.version}"}},"items":['
        return _json(head.encode() + b",".join(items) + b"]}")

    def _check_version(self, asked: str) -> None:
        if asked and not asked.isdecimal():
            raise bad_request(f'invalid resource version: resourceVersion: Invalid value: "{asked}"')
        if asked and int(asked) > self.api.store.version:
            raise version_too_large(int(asked), self.api.store.version)

    async def _delete(self, target: Target, obj: Object, request: web.Request) -> web.Response:
        options = DeleteOptions.read(await _optional_body(request), request.query)
        left = self.api.delete(target.kind, obj, options)
        if target.kind.returns_deleted or self.api.store.get(target.kind, target.namespace, target.name):
            return _json(json.dumps(left).encode())
        details = {"name": target.name, "group": target.kind.group, "kind": target.kind.plural}
        details = {key: value for key, value in details.items() if value} | {"uid": obj["metadata"]["uid"]}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return _json(json.dumps(status).encode())

    async def _delete_all(self, target: Target, request: web.Request) -> web.Response:
        options = DeleteOptions.read(await _optional_body(request), request.query)
        found = self.api.find(target.kind, target.namespace, _selector(target, request))
        for stored in found:
            self.api.delete(target.kind, stored.object, options)
        return self._listing(target.kind, [stored.item for stored in found])


def _verb(request: web.Request, target: Target) -> str:
    if not target.name:
        everywhere = target.kind.namespaced and not target.namespace
        verb = _COLLECTION_VERBS.get(request.method, "")
        if verb == "list" and request.query.get("watch") in _TRUE:
            verb = "watch"
        if everywhere and verb not in ("list", "watch"):
            verb = ""
    else:
        verb = _VERBS.get(request.method, "") if request.method != "POST" else ""
    if not verb:
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    return verb


def _selector(target: Target, request: web.Request) -> Any:
    return both(request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""), target.kind)


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


async def _body(request: web.Request, kind: Kind) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind; "
            "json parse error"
        ) from None


async def _optional_body(request: web.Request) -> Object:
    text = await request.read()
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        raise bad_request("invalid DeleteOptions: json parse error") from None
    return body if isinstance(body, dict) else {}

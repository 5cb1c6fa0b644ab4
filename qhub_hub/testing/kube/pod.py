"""One pod as its node sees it: reads the spec, reports status and events."""

import uuid
from typing import Any

from qhub_hub.testing.kube.api import Api
from qhub_hub.testing.kube.defaults import new_object, timestamp
from qhub_hub.testing.kube.kinds import Object

NODE = "node-0"


class Pod:
    """A pod in the store, for whoever runs it. Reports about a pod that is gone go nowhere.

    Args:
        api: the cluster.
        obj: the pod as it was created.
        address: that its node gave it.
    """

    def __init__(self, api: Api, obj: Object, address: str) -> None:
        self.api, self.address = api, address
        self.name: str = obj["metadata"]["name"]
        self.namespace: str = obj["metadata"]["namespace"]
        self.uid: str = obj["metadata"]["uid"]
        self._kind = api.kinds.named("pods")
        self._created = obj

    @property
    def object(self) -> Object:
        """The pod as it is now, or was at last."""
        stored = self.api.store.get(self._kind, self.namespace, self.name)
        if stored is not None and stored.object["metadata"]["uid"] == self.uid:
            self._created = stored.object
        return self._created

    @property
    def present(self) -> bool:
        """Whether it is still in the store."""
        stored = self.api.store.get(self._kind, self.namespace, self.name)
        return stored is not None and stored.object["metadata"]["uid"] == self.uid

    @property
    def spec(self) -> Object:
        """What it should be."""
        return dict(self.object["spec"])

    @property
    def containers(self) -> list[Object]:
        """Specs of its containers; the first is the one that is run."""
        found: list[Object] = self.object["spec"]["containers"]
        return found

    def bind(self) -> None:
        """Put it on the node."""
        if self.present:
            pod = self.object
            self.api.store.put(self._kind, {**pod, "spec": {**pod["spec"], "nodeName": NODE}})
        self.report(conditions={"PodScheduled": True})
        self.event("Scheduled", f"Successfully assigned {self.namespace}/{self.name} to {NODE}")

    def report(self, *, conditions: dict[str, bool] | None = None, reason: str = "", **status: Any) -> None:
        """Write status fields and conditions.

        Args:
            conditions: by type.
            reason: of the conditions that are false, with the field `message` as their text.
            status: fields of the status.
        """
        if not self.present:
            return
        pod = self.object
        kept = {condition["type"]: condition for condition in pod["status"].get("conditions", [])}
        message = status.get("message", "")
        for kind, true in (conditions or {}).items():
            condition = {"type": kind, "status": str(true), "lastProbeTime": None, "lastTransitionTime": timestamp()}
            why = {} if true or not reason else {"reason": reason, "message": message}
            if kept.get(kind, {}).get("status") != str(true) or why:
                kept[kind] = condition | why
        status.pop("message", None)
        self.api.store.put(
            self._kind, {**pod, "status": {**pod["status"], "conditions": list(kept.values()), **status}}
        )

    def waiting(self, reason: str, message: str = "", restarts: int = 0, last: Object | None = None) -> None:
        """Its containers do not run, and why.

        Args:
            last: state of the first container before.
        """
        state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        self.report(containerStatuses=self._statuses(state, restarts=restarts, last=last))

    def running(self, restarts: int = 0, last: Object | None = None) -> None:
        """Its containers run and are ready."""
        ready = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
        self.report(
            conditions=dict.fromkeys(ready, True),
            phase="Running",
            hostIP="127.0.0.1",
            hostIPs=[{"ip": "127.0.0.1"}],
            podIP=self.address,
            podIPs=[{"ip": self.address}],
            startTime=self.object["status"].get("startTime") or timestamp(),
            containerStatuses=self._statuses({"running": {"startedAt": timestamp()}}, True, restarts, last),
        )

    def terminated(self, code: int, reason: str, phase: str) -> Object:
        """Its containers have ended; returns their state.

        Args:
            code: exit code.
            reason: such as `Completed`, `Error`, `OOMKilled`.
            phase: of the pod from now on.
        """
        state = {"terminated": {"exitCode": code, "reason": reason, "finishedAt": timestamp()}}
        conditions = {"Ready": False, "ContainersReady": False}
        self.report(conditions=conditions, phase=phase, containerStatuses=self._statuses(state))
        return state

    def _statuses(
        self, state: Object, ready: bool = False, restarts: int = 0, last: Object | None = None
    ) -> list[Object]:
        return [
            {
                "name": container["name"],
                "state": state,
                "lastState": last or {},
                "ready": ready,
                "started": ready,
                "restartCount": restarts,
                "image": container["image"],
                "imageID": "",
            }
            for container in self.containers
        ]

    def event(self, reason: str, message: str, warning: bool = False, source: str = "kubelet") -> None:
        """Post an event about it, as kubelet and scheduler do."""
        post_event(self.api, self.object, (reason, message), warning=warning, source=source)


def post_event(
    api: Api, about: Object, said: tuple[str, str], *, warning: bool = False, source: str = "kubelet"
) -> None:
    """Post an event about an object.

    Args:
        about: the object.
        said: reason and message.
        warning: its type is Warning instead of Normal.
        source: component that says it.
    """
    metadata = about["metadata"]
    namespace = metadata.get("namespace", "default")
    kind = api.kinds.named("events")
    now = timestamp()
    name = {"metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}"}}
    event = {
        **new_object(kind, namespace, name),
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": namespace,
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": "Warning" if warning else "Normal",
        "reason": said[0],
        "message": said[1],
        "source": {"component": source, "host": NODE},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "eventTime": None,
        "count": 1,
        "reportingComponent": source,
        "reportingInstance": "",
    }
    api.store.put(kind, event)

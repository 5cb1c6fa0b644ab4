"""Servers as pods of a cluster, each as its owner."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from kubernetes_asyncio.client import V1Pod
from traitlets import default

from qhub_hub.config.quantities import show_bytes
from qhub_hub.hub.kube_api import failure
from qhub_hub.hub.kube_lifecycle import PodLifecycle
from qhub_hub.hub.kube_watch import PodWatch
from qhub_hub.hub.planned import PlannedMixin, refusal
from qhub_hub.hub.progress import Asked, stage_of
from qhub_hub.identity import Identity, IdentityError, peers_of, render_group, render_passwd, view_of
from qhub_hub.sessions import Plan, Rejected, read_summary
from qhub_hub.sessions.pod import GROUP, PASSWD, PLAN, PodParts, restricted, to_pod


def braced(value: Any) -> Any:
    """The same with every brace doubled: KubeSpawner puts `{username}` and the like into most of what it is given.

    Everything of a plan goes through here on its way into a trait (facts/hub-apis.md §2).
    """
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, Mapping):
        return {key: braced(part) for key, part in value.items()}
    if isinstance(value, list):
        return [braced(part) for part in value]
    return value


def extended(current: Any, more: list[Any]) -> Any:
    """A list trait of KubeSpawner with more entries; where the site keeps a map in it, the map with more keys."""
    if isinstance(current, dict):
        return {**current, **{f"qhub-{number}": entry for number, entry in enumerate(more)}}
    return [*current, *more]


def _summary_in(pod: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        found = json.loads((pod["metadata"].get("annotations") or {}).get(PLAN, ""))
    except ValueError:
        return None
    return found if read_summary(found) is not None else None


class QHubSpawner(PlannedMixin, PodLifecycle):
    """Starts the planned server as a pod that runs as its owner, with their home, folders and names.

    What a site sets on `KubeSpawner` is kept where the plan says nothing; hooks run after the plan and may change
    anything. Pods come out restricted (Pod Security) unless `modify_pod_hook` undoes it.
    """

    _parts: PodParts | None = None

    # People's files outlive their servers and lie on one claim: nothing per server is made or deleted.
    @default("delete_pvc")
    def _delete_pvc_default(self) -> bool:
        return False

    @default("storage_pvc_ensure")
    def _storage_pvc_ensure_default(self) -> bool:
        return False

    @default("slug_scheme")
    def _slug_scheme_default(self) -> str:
        return "safe"

    async def load_user_options(self) -> None:
        """Nothing: the plan has been made. KubeSpawner 7.1's own code lets a forged option choose any image."""
        if self.profile_list:
            self.log.error(
                "KubeSpawner.profile_list is set and ignored: QHub offers the profiles of the values file. "
                "Move its entries to qhub.profiles."
            )

    def load_state(self, state: dict[str, Any]) -> None:
        """See `PlannedMixin.load_state`. Servers are where the hub is: a restored hub may be in another namespace."""
        elsewhere = set() if self.enable_user_namespaces else {"namespace"}
        super().load_state({name: value for name, value in state.items() if name not in elsewhere})

    def traits_for(self, plan: Plan) -> dict[str, Any]:
        """See `PlannedMixin.traits_for`. The rest of the pod is written in `get_pod_manifest`."""
        parts = self._parts = self._translated(plan)
        devices = {
            kind: {name: amount for name, amount in amounts.items() if name not in ("cpu", "memory")}
            for kind, amounts in parts.resources.items()
        }
        return {
            "image": parts.image or self.image,
            "cmd": parts.command or self.cmd,
            "working_dir": parts.working_dir,
            # Not from the parts: JupyterHub tells the server its limits by these.
            "cpu_limit": plan.cpu.limit,
            "cpu_guarantee": plan.cpu.guarantee,
            "mem_limit": None if plan.memory.limit is None else int(plan.memory.limit),
            "mem_guarantee": None if plan.memory.guarantee is None else int(plan.memory.guarantee),
            "extra_resource_limits": {**self.extra_resource_limits, **devices["limits"]},
            "extra_resource_guarantees": {**self.extra_resource_guarantees, **devices["requests"]},
            "environment": {**self.environment, **braced(parts.env)},
            "extra_labels": {**self.extra_labels, **braced(parts.labels)},
            "extra_annotations": {**self.extra_annotations, **braced(parts.annotations)},
            "node_selector": {**self.node_selector, **parts.node_selector},
            "node_affinity_preferred": extended(
                self.node_affinity_preferred,
                parts.node_affinity["preferredDuringSchedulingIgnoredDuringExecution"],
            ),
            "tolerations": extended(self.tolerations, parts.tolerations),
            "volumes": extended(self.volumes, braced(parts.volumes)),
            "volume_mounts": extended(self.volume_mounts, braced(parts.volume_mounts)),
        }

    def _translated(self, plan: Plan) -> PodParts:
        try:
            passwd, group = self._names(plan.identity)
            return to_pod(plan, storage=self.site.config.storage, passwd=passwd, group=group)
        except Rejected as rejected:
            raise refusal(rejected) from None
        except IdentityError as error:
            self.log.error("No passwd and group files for %s: %s", self._log_name, error)
            text = "The names for your server can't be written. An administrator finds the reason in the log."
            raise refusal(Rejected("unavailable", text)) from error

    def _names(self, identity: Identity) -> tuple[str, str]:
        view = view_of(identity, peers_of(self.site.memberships, self.site.store, identity))
        return render_passwd(view), render_group(view)

    def _introduce(self) -> None:
        """Nothing: the files in a pod are made when it starts, and a running one keeps them."""

    async def get_pod_manifest(self) -> V1Pod:
        """KubeSpawner's, with what has no trait or must not be undone by one."""
        if self._parts is None:
            raise failure("A server can only be started with a plan.", reason="no-plan", status=500)
        pod: Any = await super().get_pod_manifest()
        server = pod.spec.containers[0]
        pod.spec.security_context = restricted(pod.spec.security_context, self._parts.pod_security)
        server.security_context = restricted(server.security_context, self._parts.container_security)
        # Kubernetes would add the address of every service of the namespace to the environment.
        pod.spec.enable_service_links = False
        return cast(V1Pod, pod)

    async def _start(self) -> str:
        """See `PodLifecycle._start`. Afterwards the names of a group's thousand people need not stay in memory."""
        try:
            return await super()._start()
        finally:
            self._parts = None
            told: dict[str, str] = dict(self.extra_annotations)  # type: ignore[has-type]  # a trait of KubeSpawner
            self.extra_annotations = {name: text for name, text in told.items() if name not in (PASSWD, GROUP)}

    async def get_url(self) -> str:
        """See `PodLifecycle.get_url`; asked when a server is taken up after a restart of the hub."""
        url = await super().get_url()
        if self.summary() is None and self.pod is not None:
            # The last hub ended before the server was ready, so its plan is only where the server is.
            self._kept = _summary_in(self.pod)
            self.orm_spawner.state = self.get_state()
        return url

    @property
    def asked(self) -> Asked:
        """See `PodLifecycle.asked`."""
        if self.plan is None:
            return Asked("")
        limit = self.plan.memory.limit
        return Asked(self.plan.node_group, show_bytes(int(limit)) if limit else "")

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is being done, at every change until the start ends."""
        said, percent = "Preparing your home and group folders.", 20
        yield {"progress": percent, "message": said}
        while self._start_future is None or not self._start_future.done():
            if self.mark:
                stage = stage_of(self.mine(self.pod), self.events_of_pod, self.asked)
                percent = max(percent, stage.percent)
                if stage.message != said:
                    said = stage.message
                    yield {"progress": percent, "message": said}
            watch = self.pod_reflector
            # Events have a watch of their own, which wakes nobody.
            await (watch.changed(self.key, 1.0) if isinstance(watch, PodWatch) else asyncio.sleep(0.2))

"""Scheduler and node of the fake cluster: every pod's way from Pending to gone."""

import asyncio
import contextlib

from qhub_hub.testing.kube.addresses import AddressBlock
from qhub_hub.testing.kube.api import Api
from qhub_hub.testing.kube.kinds import Object
from qhub_hub.testing.kube.kubelet import Container, ContainerError, Kubelet
from qhub_hub.testing.kube.pod import Pod
from qhub_hub.testing.kube.pod_faults import PodFault, PodFaults
from qhub_hub.testing.kube.store import Change

_BACK_OFF = 10.0  # seconds before the second restart; doubled each time, as the kubelet does
_LONGEST_BACK_OFF = 300.0


class PodLife:
    """One pod on its way."""

    def __init__(self, pod: Pod, kubelet: Kubelet, faults: PodFaults) -> None:
        self._pod, self._kubelet, self._faults = pod, kubelet, faults
        self._container: Container | None = None
        self._task = asyncio.ensure_future(self._live())
        self._ending: asyncio.Task[None] | None = None

    def end(self, grace: float, keep: bool) -> None:
        """End it, within so many seconds; a later call may only shorten that.

        Args:
            keep: the pod stays in the store until its containers have ended.
        """
        self._task.cancel()
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.ensure_future(self._end(grace, keep))

    async def gone(self) -> None:
        """Wait until nothing of it runs any more."""
        self._task.cancel()
        tasks = [self._task, *([self._ending] if self._ending else [])]
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._container is not None:
            await self._container.stop(0)

    async def _end(self, grace: float, keep: bool) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._container is not None:
            name = self._pod.containers[0]["name"]
            self._pod.event("Killing", f"Stopping container {name}")
            code = await self._container.stop(grace)
            self._container = None
            if keep:
                self._pod.terminated(code, _reason(code), _phase(code))
        if keep:
            self._remove()

    def _remove(self) -> None:
        # What the kubelet does when all has ended: deletes the pod with a grace of nothing.
        pod = self._pod.object
        kind = self._pod.api.kinds.named("pods")
        if self._pod.present:
            ended = {**pod, "metadata": {**pod["metadata"], "deletionGracePeriodSeconds": 0}}
            if not self._pod.api.deletion.released(kind, ended):
                self._pod.api.store.put(kind, ended)

    async def _live(self) -> None:
        await self._schedule()
        await self._pull()
        restarts, last = 0, None
        while True:
            code, reason = await self._run(restarts, last)
            again = _restarts(self._pod.spec["restartPolicy"], code)
            last = self._pod.terminated(code, reason, "Running" if again else _phase(code))
            if not again:
                return
            await self._back_off(restarts, last)
            restarts += 1

    async def _schedule(self) -> None:
        pod = self._pod
        while fault := self._faults.scheduling(pod.name):
            pod.report(conditions={"PodScheduled": False}, reason="Unschedulable", message=fault.message)
            pod.event("FailedScheduling", fault.message, warning=True, source="default-scheduler")
            if fault.scale_up:
                said = "pod triggered scale-up: [{fake-node-group 1->2 (max: 10)}]"
                pod.event("TriggeredScaleUp", said, source="cluster-autoscaler")
            await fault.mended.wait()
        if not pod.spec.get("nodeName"):
            pod.bind()

    async def _pull(self) -> None:
        pod = self._pod
        image = pod.containers[0]["image"]
        while fault := self._faults.pulling(pod.name):
            said = f'Failed to pull image "{image}": {fault.message}'
            pod.event("Pulling", f'Pulling image "{image}"')
            pod.event("Failed", said, warning=True)
            pod.waiting("ErrImagePull", said)
            pod.event("BackOff", f'Back-off pulling image "{image}"', warning=True)
            pod.waiting("ImagePullBackOff", f'Back-off pulling image "{image}": {fault.message}')
            await fault.mended.wait()
        pod.event("Pulled", f'Container image "{image}" already present on machine')

    async def _run(self, restarts: int, last: Object | None) -> tuple[int, str]:
        """Run the container until it ends; returns its exit code and why."""
        pod = self._pod
        name = pod.containers[0]["name"]
        if slow := self._faults.slow(pod.name):
            pod.waiting("ContainerCreating")
            await asyncio.sleep(slow.seconds)
        pod.event("Created", f"Created container: {name}")
        if crash := self._faults.crashing(pod.name):
            return crash.code, crash.reason
        self._container = await self._started()
        pod.event("Started", f"Started container {name}")
        pod.running(restarts, last)
        code = await self._container.wait()
        await self._container.stop(0)
        self._container = None
        return code, _reason(code)

    async def _started(self) -> Container:
        while True:
            try:
                return await self._kubelet.start(self._pod)
            except ContainerError as error:
                self._pod.event("Failed", f"Error: {error.message}", warning=True)
                self._pod.waiting(error.reason, error.message)
                await asyncio.sleep(_BACK_OFF)

    async def _back_off(self, restarts: int, last: Object) -> None:
        pod = self._pod
        crash: PodFault | None = self._faults.crashing(pod.name)
        if restarts or crash:
            name = pod.containers[0]["name"]
            pod.event("BackOff", f"Back-off restarting failed container {name} in pod {pod.name}", warning=True)
            pod.waiting("CrashLoopBackOff", f"back-off restarting failed container={name}", restarts, last)
        if crash:
            await crash.mended.wait()  # it would crash again and again: one round shows it
        elif restarts:
            await asyncio.sleep(min(_BACK_OFF * 2 ** (restarts - 1), _LONGEST_BACK_OFF))


def _restarts(policy: str, code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _phase(code: int) -> str:
    return "Succeeded" if code == 0 else "Failed"


def _reason(code: int) -> str:
    return "Completed" if code == 0 else "Error"


class Nodes:
    """Runs every pod of a cluster."""

    def __init__(self, api: Api, kubelet: Kubelet) -> None:
        self.faults = PodFaults()
        self._api, self._kubelet = api, kubelet
        self._addresses = AddressBlock()
        self._lives: dict[str, PodLife] = {}
        self._end_listening = api.store.listen(self._follow)

    def _follow(self, change: Change) -> None:
        if change.kind.kind != "Pod":
            return
        metadata = change.object["metadata"]
        uid = metadata["uid"]
        if change.type == "ADDED":
            pod = Pod(self._api, change.object, self._addresses.next())
            self._lives[uid] = PodLife(pod, self._kubelet, self.faults)
        elif change.type == "DELETED":
            if life := self._lives.get(uid):
                life.end(0, keep=False)
        elif _shortened(change):
            self._lives[uid].end(metadata["deletionGracePeriodSeconds"], keep=True)

    async def close(self) -> None:
        """End everything that runs."""
        self._end_listening()
        await asyncio.gather(*(life.gone() for life in self._lives.values()))
        self._addresses.close()


def _shortened(change: Change) -> bool:
    before = change.before.object["metadata"] if change.before else {}
    now = change.object["metadata"].get("deletionGracePeriodSeconds")
    # The last step, to nothing, is the node's own.
    return bool(now) and before.get("deletionGracePeriodSeconds") != now

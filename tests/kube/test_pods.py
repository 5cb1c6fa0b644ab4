"""Pods on their way: what a hub sees when nodes, images and containers fail, and what runs when they do not."""

import asyncio
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from qhub_hub.testing.kube import FakeKube, Kubelet, ProcessKubelet, StubKubelet


def pod(*command: str, name: str = "one", policy: str = "Never", **container: Any) -> dict[str, Any]:
    one = {"name": "main", "image": "example.org/lab:1", "command": list(command), **container}
    spec = {"containers": [one], "restartPolicy": policy, "terminationGracePeriodSeconds": 5}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "lab"}}, "spec": spec}


def status(kube: FakeKube, name: str = "one") -> dict[str, Any]:
    found = kube.get("pods", name)
    return found["status"] if found else {}


def state(kube: FakeKube, name: str = "one") -> dict[str, Any]:
    statuses = status(kube, name).get("containerStatuses")
    return statuses[0]["state"] if statuses else {}


def phase_is(kube: FakeKube, phase: str) -> Callable[[], bool]:
    return lambda: status(kube).get("phase") == phase


def reasons(kube: FakeKube) -> set[str]:
    return {event["reason"] for event in kube.objects("events")}


class TestTroubles:
    """With stub pods."""

    async def test_an_unschedulable_pod_waits_until_there_is_a_node(self, fake_kube: FakeKube) -> None:
        with fake_kube.pod_faults.unschedulable(scale_up=True):
            fake_kube.create(pod())
            await fake_kube.until(lambda: "TriggeredScaleUp" in reasons(fake_kube))
            condition = status(fake_kube)["conditions"][0]
            assert (condition["type"], condition["status"], condition["reason"]) == (
                "PodScheduled",
                "False",
                "Unschedulable",
            )
            assert "nodes are available" in condition["message"]
            assert status(fake_kube)["phase"] == "Pending"
        await fake_kube.until(phase_is(fake_kube, "Running"))
        assert {each["type"]: each["status"] for each in status(fake_kube)["conditions"]}["PodScheduled"] == "True"

    async def test_an_image_that_cannot_be_pulled_keeps_a_pod_waiting(self, fake_kube: FakeKube) -> None:
        with fake_kube.pod_faults.image_pull_error("one"):
            fake_kube.create(pod())
            await fake_kube.until(lambda: state(fake_kube).get("waiting", {}).get("reason") == "ImagePullBackOff")
            assert "manifest unknown" in state(fake_kube)["waiting"]["message"]
        await fake_kube.until(phase_is(fake_kube, "Running"))

    async def test_a_fault_strikes_only_the_pods_it_names(self, fake_kube: FakeKube) -> None:
        fake_kube.pod_faults.image_pull_error("other-*")
        fake_kube.create(pod())
        await fake_kube.until(phase_is(fake_kube, "Running"))

    @pytest.mark.parametrize(("policy", "phase"), [("Never", "Failed"), ("OnFailure", "Running")])
    async def test_a_container_over_its_memory_fails_or_crashes_on(
        self, fake_kube: FakeKube, policy: str, phase: str
    ) -> None:
        with fake_kube.pod_faults.crash_loop(code=137, reason="OOMKilled"):
            fake_kube.create(pod(policy=policy))
            if policy == "Never":
                await fake_kube.until(phase_is(fake_kube, "Failed"))
                assert state(fake_kube)["terminated"]["reason"] == "OOMKilled"
                return
            await fake_kube.until(lambda: state(fake_kube).get("waiting", {}).get("reason") == "CrashLoopBackOff")
            last = status(fake_kube)["containerStatuses"][0]["lastState"]["terminated"]
            assert (last["exitCode"], last["reason"], status(fake_kube)["phase"]) == (137, "OOMKilled", phase)
        await fake_kube.until(lambda: "running" in state(fake_kube))
        assert status(fake_kube)["containerStatuses"][0]["restartCount"] == 1

    async def test_a_slow_container_is_being_created(self, fake_kube: FakeKube) -> None:
        fake_kube.pod_faults.slow_start(0.05)
        fake_kube.create(pod())
        await fake_kube.until(lambda: state(fake_kube).get("waiting", {}).get("reason") == "ContainerCreating")
        await fake_kube.until(phase_is(fake_kube, "Running"))

    async def test_a_pod_with_trouble_can_be_deleted(self, fake_kube: FakeKube) -> None:
        fake_kube.pod_faults.unschedulable("one")
        fake_kube.pod_faults.image_pull_error("two")
        for name in ("one", "two"):
            fake_kube.create(pod(name=name))
        await fake_kube.until(lambda: {"FailedScheduling", "BackOff"} <= reasons(fake_kube))
        for name in ("one", "two"):
            fake_kube.delete("pods", name)
        await fake_kube.until(lambda: not fake_kube.pods())

    async def test_a_server_that_ends_by_itself_ends_its_pod(self, fake_kube: FakeKube) -> None:
        fake_kube.create(pod())
        await fake_kube.until(phase_is(fake_kube, "Running"))
        assert isinstance(fake_kube.kubelet, StubKubelet)
        fake_kube.kubelet.containers["one"].exit(3)
        await fake_kube.until(phase_is(fake_kube, "Failed"))
        assert state(fake_kube)["terminated"]["exitCode"] == 3

    async def test_pods_answer_on_one_port_at_addresses_of_their_own(self, fake_kube: FakeKube) -> None:
        for name in ("one", "two"):
            fake_kube.create(pod(name=name, ports=[{"containerPort": 8888}]))
        await fake_kube.until(lambda: all("running" in state(fake_kube, name) for name in ("one", "two")))
        addresses = {status(fake_kube, name)["podIP"] for name in ("one", "two")}
        assert len(addresses) == 2
        async with aiohttp.ClientSession() as http:
            for address in addresses:
                async with http.get(f"http://{address}:8888/user/ann/api") as answer:
                    assert (answer.status, "X-JupyterHub-Version" in answer.headers) == (200, True)
            fake_kube.delete("pods", "one")
            await fake_kube.until(lambda: len(fake_kube.pods()) == 1)


class TestProcesses:
    """With real processes."""

    @pytest.fixture
    def kubelet(self, tmp_path: Path) -> Kubelet:
        return ProcessKubelet(tmp_path / "pods")

    @staticmethod
    def log(kube: FakeKube) -> str:
        assert isinstance(kube.kubelet, ProcessKubelet)
        return kube.kubelet.log("one")

    @pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
    async def test_the_exit_code_of_a_command_is_the_end_of_its_pod(
        self, fake_kube: FakeKube, code: int, phase: str
    ) -> None:
        fake_kube.create(pod("sh", "-c", f"echo $0 said it; exit {code}", "the shell"))
        await fake_kube.until(phase_is(fake_kube, phase))
        assert state(fake_kube)["terminated"]["exitCode"] == code
        assert self.log(fake_kube) == "the shell said it\n"

    async def test_a_command_that_is_not_there_says_so(self, fake_kube: FakeKube) -> None:
        fake_kube.create(pod("no-such-command"))
        await fake_kube.until(phase_is(fake_kube, "Failed"))
        assert state(fake_kube)["terminated"]["exitCode"] == 127
        assert self.log(fake_kube) == "no-such-command cannot be started: No such file or directory\n"

    async def test_a_command_gets_the_pod_s_environment_and_address(self, fake_kube: FakeKube) -> None:
        fake_kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "hush"}})
        variables = [
            {"name": "PLAIN", "value": '{"a": 1}'},
            {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "URL", "value": "http://0.0.0.0:8888/"},
        ]
        script = 'echo "$PLAIN $ADDRESS $LABEL $SECRET $URL $HOSTNAME"'
        fake_kube.create(pod("sh", "-c", script, env=variables))
        await fake_kube.until(phase_is(fake_kube, "Succeeded"))
        address = status(fake_kube)["podIP"]
        assert self.log(fake_kube) == f'{{"a": 1}} {address} lab hush http://{address}:8888/ one\n'

    async def test_a_secret_that_is_missing_keeps_the_container_waiting(self, fake_kube: FakeKube) -> None:
        source = {"secretKeyRef": {"name": "none", "key": "k"}}
        fake_kube.create(pod("true", env=[{"name": "A", "valueFrom": source}]))
        await fake_kube.until(lambda: "waiting" in state(fake_kube))
        assert state(fake_kube)["waiting"] == {
            "reason": "CreateContainerConfigError",
            "message": 'secret "none" not found',
        }

    async def test_deletion_asks_politely_and_the_whole_family_goes(self, fake_kube: FakeKube) -> None:
        script = "trap 'echo asked; exit 0' TERM; setsid sleep 1000 & echo $!; while :; do sleep 0.01; done"
        fake_kube.create(pod("sh", "-c", script))
        await fake_kube.until(phase_is(fake_kube, "Running"))
        while not (said := self.log(fake_kube)):  # noqa: ASYNC110 - a process of another kind tells nobody
            await asyncio.sleep(0.01)
        fake_kube.delete("pods", "one")
        await fake_kube.until(lambda: not fake_kube.pods())
        assert self.log(fake_kube).endswith("asked\n")
        assert not alive(int(said.split()[0]))

    async def test_what_does_not_listen_is_killed_after_its_grace(self, fake_kube: FakeKube) -> None:
        fake_kube.create(pod("sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.01; done"))
        while not (said := self.log(fake_kube)):  # noqa: ASYNC110 - a process of another kind tells nobody
            await asyncio.sleep(0.01)
        fake_kube.delete("pods", "one", grace=0)
        assert not fake_kube.pods()
        while alive(int(said)):  # noqa: ASYNC110 - a process of another kind tells nobody
            await asyncio.sleep(0.01)

    async def test_a_run_killed_with_9_leaves_no_process(self, tmp_path: Path) -> None:
        run = textwrap.dedent(
            """
            import asyncio, sys
            from pathlib import Path
            from qhub_hub.testing.kube import FakeKube, ProcessKubelet

            async def main():
                async with FakeKube(ProcessKubelet(Path(sys.argv[1]))) as kube:
                    container = {"name": "main", "image": "x:1", "command": ["sh", "-c", sys.argv[2]]}
                    spec = {"containers": [container]}
                    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec})
                    await asyncio.sleep(1000)

            asyncio.run(main())
            """
        )
        script = "setsid sleep 1000 & echo $$ $!; wait"
        command = [sys.executable, "-c", run, str(tmp_path), script]
        with subprocess.Popen(command, start_new_session=True) as process:  # noqa: ASYNC220 - it starts at once
            log = tmp_path / "one/log"
            async with asyncio.timeout(20):
                while not (log.exists() and log.read_text().endswith("\n")):  # noqa: ASYNC110 - a process of another kind tells nobody
                    await asyncio.sleep(0.02)
                process.send_signal(signal.SIGKILL)
                process.wait()
                while any(alive(int(pid)) for pid in log.read_text().split()):  # noqa: ASYNC110 - a process of another kind tells nobody
                    await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_block_of_addresses_belongs_to_one_cluster() -> None:
    async with FakeKube() as one, FakeKube() as other:
        for kube in (one, other):
            kube.create(pod())
            await kube.until(phase_is(kube, "Running"))
        blocks = {status(kube)["podIP"].rsplit(".", 2)[0] for kube in (one, other)}
        assert len(blocks) == 2

"""A release of the chart in a namespace of its own, and people who use it through kubectl port-forward."""

import base64
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from qhub_hub.testing.one_machine import Person
from qhub_hub.testing.terminal import type_into_terminal
from tests.cluster.kubernetes import CHART, helm, kubectl, objects, ran, until

PARTS = ("hub", "proxy", "qhub-environments", "qhub-storage")
READY_WITHIN = 180.0  # seconds


class Doorway:
    """`kubectl port-forward` to the proxy, on one local port for as long as the tests need it.

    Args:
        namespace: of the release.
        target: port of its service, 80 or 443.
    """

    def __init__(self, namespace: str, target: int = 80) -> None:
        self._namespace = namespace
        self._target = target
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """Where people go; opens the way if it is not open."""
        if self._process is None or self._process.poll() is not None:
            self.open()
        return f"{'https' if self._target == 443 else 'http'}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Open the way anew: it ends with the pod that it leads to, but keeps its local port."""
        self.close()

        def opened() -> bool:
            ports = f"{self.port or ''}:{self._target}"
            words = ("kubectl", "-n", self._namespace, "port-forward", "service/proxy-public", ports)
            # A killed test leaves no process behind: the kernel ends it with its parent.
            self._process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *words),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert self._process.stdout is not None
            said = re.search(r"127\.0\.0\.1:(\d+) ->", self._process.stdout.readline())
            if said is None:
                self.close()
                return False
            self.port = int(said[1])
            return True

        until("the proxy can be reached by port-forward", opened)

    def close(self) -> None:
        """Close it."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None


class Release:
    """A release, installed or about to be.

    Args:
        namespace: of its own; must exist.
        name: Helm's name of the release.
    """

    def __init__(self, namespace: str, name: str = "qhub") -> None:
        self.namespace = namespace
        self.name = name
        self.notes = ""
        self._doorway = Doorway(namespace)
        self._people: list[Person] = []

    def _helm(self, action: str, values: str) -> "Release":
        ended = helm(action, self.name, str(CHART), "--namespace", self.namespace, values=values)
        assert ended.returncode == 0, ended.stderr
        self.notes = ended.stdout
        return self

    def install(self, values: str = "") -> "Release":
        """Install it and wait until it is ready."""
        return self._helm("install", values).ready()

    def upgrade(self, values: str) -> "Release":
        """Change its values and wait until it is ready."""
        return self._helm("upgrade", values).ready()

    def ready(self) -> "Release":
        """Wait until all its parts are there and people's requests reach the hub."""
        for part in PARTS:
            self.kubectl("rollout", "status", f"deployment/{part}", f"--timeout={READY_WITHIN:.0f}s", timeout=200)
        until("the sign-in page is served", self._answers, READY_WITHIN)
        return self

    def _answers(self) -> bool:
        try:
            if httpx.get(f"{self.address}/hub/login", timeout=10).status_code == 200:
                return True
        except httpx.TransportError:
            self._doorway.open()  # it led to a pod that is gone
        return False

    @property
    def address(self) -> str:
        """Where people reach it; the same for its whole life."""
        return self._doorway.address

    def encrypted(self) -> "Release":
        """Go there by HTTPS from now on."""
        self._doorway.close()
        self._doorway = Doorway(self.namespace, 443)
        return self

    def reopen(self) -> None:
        """Lead people to the proxy's new pod."""
        self._doorway.open()

    def kubectl(self, *words: str, stdin: str = "", timeout: float = 120) -> str:
        """kubectl in its namespace."""
        return kubectl("-n", self.namespace, *words, stdin=stdin, timeout=timeout)

    def objects(self, kinds: str, selector: str = "") -> list[dict[str, Any]]:
        """Objects in its namespace."""
        return objects(self.namespace, kinds, selector)

    def secret(self, key: str) -> str:
        """A key of the Secret `hub`."""
        (found,) = [one for one in self.objects("secrets") if one["metadata"]["name"] == "hub"]
        return base64.b64decode(found["data"][key]).decode()

    def password(self, name: str) -> str:
        """What this person types to sign in."""
        return self.secret("qhub.adminPassword" if name == "admin" else "qhub.password")

    def person(self, name: str) -> Person:
        """Sign somebody in."""
        person = Person(self.address, name, self.password(name))
        assert person.answer.status_code == 200, person.answer.text
        self._people.append(person)
        return person

    def started(self, name: str, **options: str) -> Person:
        """Sign somebody in and start their server."""
        person = self.person(name)
        answer = person.api("POST", f"/users/{name}/server", options or None)
        assert answer.status_code in (201, 202), answer.text
        until(f"the server of {name} is ready", lambda: person.server().get("ready"))
        return person

    def leave(self, person: Person) -> None:
        """Stop somebody's server, if it runs, and sign them out."""
        self._people.remove(person)
        if person.server():
            person.stop()
        person.close()

    def pod(self, component: str) -> dict[str, Any]:
        """The one pod of a part that is there to stay."""

        def look() -> dict[str, Any] | None:
            pods = [pod for pod in self.objects("pods", f"component={component}") if not _leaving(pod)]
            return pods[0] if len(pods) == 1 else None

        return until(f"there is one pod of {component}", look, READY_WITHIN)

    def uid(self, component: str) -> str:
        """Which pod that is: another one has another uid."""
        uid: str = self.pod(component)["metadata"]["uid"]
        return uid

    def server_pod(self, name: str) -> dict[str, Any] | None:
        """Pod of somebody's server; None: there is none."""
        pods = self.objects("pods", f"component=singleuser-server,hub.jupyter.org/username={name}")
        assert len(pods) <= 1, f"{name} has {len(pods)} pods"
        return pods[0] if pods else None

    def hub_log(self) -> str:
        """What the hub wrote."""
        return self.kubectl("logs", "deployment/hub")

    def close(self) -> None:
        """End what runs on this machine; what is on the cluster stays."""
        for person in self._people:
            person.close()
        self._people.clear()
        self._doorway.close()


def _leaving(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") in ("Failed", "Succeeded")


def typed(person: Person, command: str) -> str:
    """What a command prints in a terminal of somebody's server."""
    # In a thread of its own: Playwright, where a test uses it, keeps an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(type_into_terminal, person, command).result()


def qhub(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `qhub` as an administrator does."""
    return ran(sys.executable, "-m", "qhub_hub", *words, timeout=600)

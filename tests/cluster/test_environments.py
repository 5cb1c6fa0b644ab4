"""Environments on a cluster: built in a pod of their own from a channel inside, kernels for those who may see them."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qhub_hub.testing.one_machine import Person
from qhub_hub.testing.waiting import PATIENCE
from tests.cluster.kubernetes import ran, until
from tests.cluster.release import Release, typed
from tests.environments.conftest import channel  # noqa: F401 - a fixture
from tests.environments.lab import kernels_of, run_cell, start_kernel

BASE = """
qhub:
  signIn: {{allow: everyone}}
  groups:
    climate: {{members: [ann]}}
  profiles:
    small:
      displayName: Small
      cpu: {{guarantee: 0.05, limit: 2}}
      memory: {{guarantee: "128Mi", limit: "2Gi"}}
      options: {{environments: ["group-climate/*", "global/*"]}}
    medium: null
    share: null
  environments:
    channels: ["http://channel:8000"]
    keep: {{minFree: 1Mi}}
    builder: {{networks: [10.0.0.0/8]}}
    namespaces: {{narrow: {{quota: 1Ki}}}}
    declared:
      group-climate/work: {{dependencies: [python, ipykernel]}}
      global/tiny: {{dependencies: [tiny=1.0]}}
{more}
"""
CHANNEL = """
apiVersion: v1
kind: Pod
metadata: {{name: channel, labels: {{part: channel}}}}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsUser: 1000, runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: channel
      image: {image}
      command: [python3, -m, http.server, "8000", --directory, /srv/channel]
      readinessProbe: {{tcpSocket: {{port: 8000}}, periodSeconds: 1}}
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
      volumeMounts: [{{name: files, mountPath: /srv/channel}}]
  volumes: [{{name: files, emptyDir: {{}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: channel}}
spec:
  selector: {{part: channel}}
  ports: [{{port: 8000}}]
"""
ANNS = "env--group-climate--work--python3"
BUILDER = "deployment/qhub-environments"


def env(release: Release, *words: str) -> subprocess.CompletedProcess[str]:
    """`qhub env` as the administrator of a cluster runs it."""
    return ran("kubectl", "-n", release.namespace, "exec", BUILDER, "--", "qhub", "env", *words)


def declare(release: Release, *lines: str) -> None:
    """Change the values, and have the kubelet bring them to the builder now instead of within a minute."""
    release.upgrade(BASE.format(more="\n".join(f"      {line}" for line in lines)))
    pod = release.pod("environments")["metadata"]["name"]
    release.kubectl("annotate", "--overwrite", "pod", pod, f"qhub-e2e/now={time.time()}")


def stated(release: Release, key: str) -> str:
    """The line of an environment in `qhub env list`."""
    lines = env(release, "list").stdout.splitlines()
    return next((line for line in lines if line.startswith(f"{key} ")), "")


def ready(release: Release, key: str) -> bool:
    return " ready " in stated(release, key)


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release], channel: str) -> Release:  # noqa: F811
    """A release with a channel beside it, of which two environments are declared."""
    made: Release = new_release()
    made.install(BASE.format(more=""))
    serve_channel(made, Path(channel.removeprefix("file://")))
    return made


def serve_channel(release: Release, folder: Path) -> None:
    """Put a channel beside a release, with the image of its builder, and return when the builder can read from it."""
    image = release.pod("environments")["spec"]["containers"][0]["image"]
    release.kubectl("apply", "-f", "-", stdin=CHANNEL.format(image=image))
    release.kubectl("wait", "--for=condition=Ready", "pod/channel", f"--timeout={PATIENCE}s")
    fill(release, folder)
    # A pod that is ready is not yet in the Service, and a name that was asked for too early is unknown for a while.
    look = "import urllib.request; urllib.request.urlopen('http://channel:8000/noarch/repodata.json', timeout=5)"
    words = ("kubectl", "-n", release.namespace, "exec", BUILDER, "--", "python3", "-c", look)
    until("the builder reads the channel", lambda: ran(*words).returncode == 0)


def fill(release: Release, folder: Path) -> None:
    """Bring a channel's files into its pod."""
    unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/srv/channel')"
    words = ["kubectl", "-n", release.namespace, "exec", "-i", "channel", "--", "python3", "-c", unpack]
    with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run(words, stdin=packed.stdout, check=True, timeout=120)


@pytest.fixture(scope="module")
def built(release: Release, figure: Callable[[str, float], None]) -> Release:
    """The same once both are built."""
    began = time.monotonic()
    done = env(release, "build", "group-climate/work", "global/tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    until("both are ready", lambda: ready(release, "group-climate/work") and ready(release, "global/tiny"), every=1)
    figure("an environment with a kernel is built on the cluster", began)
    return release


@pytest.fixture(scope="module")
def people(built: Release) -> Iterator[tuple[Person, Person]]:
    """A member of the group, and somebody else; both with a server."""
    ann = built.started("ann", profile="small", environment="group-climate/work")
    bob = built.started("bob", profile="small")
    for person in (ann, bob):
        person.open_server()
    yield ann, bob
    for person in (ann, bob):
        built.leave(person)


def test_a_kernel_is_the_person_and_changes_nothing(people: tuple[Person, Person]) -> None:
    ann, _ = people
    assert kernels_of(ann)[ANNS]["spec"]["display_name"] == "work (group-climate)"
    started = start_kernel(ann, ANNS)
    assert started.status_code == 201, started.text
    kernel = started.json()["id"]
    said = run_cell(ann, kernel, "import os, sys; print(sys.prefix, os.environ['CONDA_DEFAULT_ENV'], os.getuid())")
    prefix, key, uid = said.split()
    assert prefix.startswith("/home/conda/group-climate/builds/work/")
    assert (key, int(uid) >= 100_000) == ("group-climate/work", True)
    assert "Read-only file system" in run_cell(ann, kernel, "open(f'{sys.prefix}/mine', 'w')")


def test_who_is_not_in_the_group_has_nothing_of_it(built: Release, people: tuple[Person, Person]) -> None:
    ann, bob = people
    assert typed(bob, "ls /home/conda") == "global"
    assert ANNS not in kernels_of(bob)
    refused = start_kernel(bob, ANNS)
    assert (refused.status_code, "you may no longer use it" in refused.text) == (404, True)
    assert "group-climate/work" in ann.http.get("/hub/spawn/ann/second").text
    assert "group-climate/work" not in bob.http.get("/hub/spawn/bob/second").text
    forged = bob.api("POST", "/users/bob/servers/x", {"profile": "small", "environment": "group-climate/work"})
    assert forged.status_code == 403


def test_a_new_environment_appears_while_people_work(
    built: Release, people: tuple[Person, Person], figure: Callable[[str, float], None]
) -> None:
    _, bob = people
    hub = built.uid("hub")
    declare(built, "global/late: {dependencies: [echo-kernel]}", "narrow/full: {dependencies: [tiny]}")
    began = time.monotonic()
    until("bob has the kernel", lambda: "env--global--late--echo" in kernels_of(bob), every=0.5)
    figure("changed values are at the builder → the kernel is in JupyterLab", began)
    until("the other one is refused", lambda: "may still be used" in env(built, "list").stdout, every=1)
    assert built.uid("hub") == hub
    # Nothing was there when the servers started, so a new namespace is in none of them; that is said.
    assert "narrow" not in typed(bob, "ls /home/conda")


def test_a_builder_that_is_killed_leaves_nothing_half_and_begins_anew(built: Release) -> None:
    declare(built, "global/slow: {dependencies: [python, ipykernel]}")
    log = lambda: built.kubectl("logs", BUILDER)  # noqa: E731
    until("it installs", lambda: "global/slow: Installed" in log(), every=0.2)
    pod = built.pod("environments")["metadata"]["name"]
    built.kubectl("delete", "pod", pod, "--force", "--grace-period=0")
    assert not ready(built, "global/slow")
    until("it is built after all", lambda: ready(built, "global/slow"), every=1)
    assert ready(built, "global/tiny")


def test_a_channel_that_is_away_takes_nothing_from_anybody(built: Release) -> None:
    built.kubectl("patch", "service", "channel", "-p", '{"spec": {"selector": {"part": "nobody"}}}')
    try:
        tried = env(built, "build", "global/tiny")
    finally:
        built.kubectl("patch", "service", "channel", "-p", '{"spec": {"selector": {"part": "channel"}}}')
    assert tried.returncode == 1
    assert "A channel can't be read now: http://channel:8000." in tried.stdout + tried.stderr
    assert ready(built, "global/tiny"), "the build before stays"


def test_an_administrator_goes_back_to_the_build_before(built: Release) -> None:
    declare(built, "global/changing: {dependencies: [tiny=1.0]}")
    until("the first is ready", lambda: ready(built, "global/changing"), every=1)
    declare(built, "global/changing: {dependencies: [tiny=2.0]}")
    until("the second is built", lambda: env(built, "explain", "global/changing").stdout.count("ready") > 1)
    back = env(built, "rollback", "global/changing")
    assert back.returncode == 0, back.stderr
    shown = built.kubectl("exec", BUILDER, "--", "cat", "/home/conda/global/envs/changing/share/tiny")
    assert shown == "one"
    assert "Installed" in env(built, "log", "global/changing").stdout


def test_the_builder_reaches_channels_and_none_of_qhub(built: Release) -> None:
    code = (
        "import socket\n"
        "for host, port in (('channel', 8000), ('hub', 8081), ('proxy-api', 8001), ('qhub-storage', 8102)):\n"
        "    try:\n"
        "        socket.create_connection((host, port), 2).close(); print(host)\n"
        "    except OSError: pass\n"
    )
    assert built.kubectl("exec", BUILDER, "--", "python", "-c", code).split() == ["channel"]
    tried = "id -u; ls -d /var/run/secrets/*; touch /x /home/x /etc/qhub/x; cat /etc/qhub/qhub.yaml"
    said = ran("kubectl", "-n", built.namespace, "exec", BUILDER, "--", "sh", "-c", tried)
    assert said.stdout.splitlines()[0] == "65533"
    assert "/var/run/secrets/" not in said.stdout, "it has no account at Kubernetes"
    assert said.stderr.count("Read-only file system") == 3
    assert "signIn" not in said.stdout, "what may hold secrets is not there"

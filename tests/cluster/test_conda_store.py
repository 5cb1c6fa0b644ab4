"""conda-store on a cluster: sign-in through the hub, builds in a pod of its own, kernels for those who may see them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import ran, until
from tests.cluster.release import Release, typed
from tests.cluster.test_environments import BUILDER, env, ready, serve_channel
from tests.conda_store.conftest import PAGE, listed, order
from tests.environments.conftest import channel  # noqa: F401 - a fixture
from tests.environments.lab import kernels_of, run_cell, start_kernel

VALUES = """
qhub:
  signIn: {allow: everyone}
  groups:
    climate: {members: [ann]}
  profiles:
    small:
      displayName: Small
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
      options: {environments: ["global/*", "user-*/*"]}
    medium: null
    share: null
  environments:
    provider: conda-store
    channels: ["http://channel:8000"]
    keep: {minFree: 1Mi}
    builder: {networks: [10.0.0.0/8]}
"""
DECLARED = """
    declared:
      global/work: {dependencies: [python, ipykernel]}
      group-climate/tiny: {dependencies: [tiny=1.0]}
"""
WORK, OWN = "env--global--work--python3", "env--user-ann--own--python3"
HOLD = "for each in /proc/[0-9]*; do [ ${each#/proc/} = $$ ] || kill -STOP ${each#/proc/}; done 2>/dev/null; true"


@pytest.fixture(scope="module")
def release(
    new_release: Callable[..., Release],
    channel: str,  # noqa: F811
    figure: Callable[[str, float], None],
) -> Release:
    """A release in which conda-store has built what is declared, from a channel beside it."""
    made: Release = new_release()
    made.install(VALUES)
    serve_channel(made, Path(channel.removeprefix("file://")))
    made.upgrade(VALUES + DECLARED.lstrip("\n"))
    # The kubelet brings the values to the pod now instead of within a minute.
    pod = made.pod("environments")["metadata"]["name"]
    made.kubectl("annotate", "pod", pod, "qhub-e2e/now=declared")
    began = time.monotonic()
    until("what is declared is built", lambda: ready(made, "global/work"), every=1)
    figure("conda-store: an environment with a kernel is built on the cluster", began)
    return made


@pytest.fixture(scope="module")
def ann(release: Release) -> Iterator[Person]:
    """A member of the group, signed in to conda-store, too."""
    yield from visiting(release, "ann")


@pytest.fixture(scope="module")
def bob(release: Release) -> Iterator[Person]:
    """Somebody else."""
    yield from visiting(release, "bob")


@pytest.fixture(scope="module")
def own(release: Release, ann: Person) -> None:
    """What ann makes while her server runs already, and its kernel there."""
    assert over(ann, ordered(ann, "user-ann/own", "python", "ipykernel")) == "COMPLETED"
    until("ann has both kernels", lambda: {WORK, OWN} <= set(kernels_of(ann)))


def visiting(release: Release, name: str) -> Iterator[Person]:
    person = release.person(name)
    page = person.http.get(f"{PAGE}/", headers={"Accept": "text/html"})
    assert (page.status_code, page.url.path) == (200, f"{PAGE}/ui/")
    # What is declared is mounted where the hub knew of it when the server started; people's own is from the start.
    until("the hub offers it", lambda: "global/work" in person.http.get(f"/hub/spawn/{name}").text)
    start(person)
    yield person
    release.leave(person)


def start(person: Person) -> None:
    """Start somebody's server."""
    answer = person.api("POST", f"/users/{person.name}/server", {"profile": "small"})
    assert answer.status_code in (201, 202), answer.text
    until(f"the server of {person.name} is ready", lambda: person.server().get("ready"))
    person.open_server()


def build_of(person: Person, ordered: httpx.Response) -> dict[str, Any]:
    """A build as conda-store tells of it."""
    assert ordered.status_code == 200, ordered.text
    found: dict[str, Any] = person.http.get(f"{PAGE}/api/v1/build/{ordered.json()['data']['build_id']}/").json()["data"]
    return found


def ordered(person: Person, key: str, *dependencies: str) -> httpx.Response:
    """Have something built, once the namespace has its folder."""

    def look() -> httpx.Response | None:
        answer = order(person, key, *dependencies)
        return None if answer.status_code == 400 and "is not there yet" in answer.text else answer

    return until(f"{key} can be ordered", look)


def over(person: Person, build: httpx.Response) -> str:
    """How a build has ended."""
    until("the build is over", lambda: build_of(person, build)["status"] in ("COMPLETED", "FAILED"), every=0.5)
    return str(build_of(person, build)["status"])


def test_the_page_knows_the_person_and_lists_what_is_declared(release: Release, ann: Person, bob: Person) -> None:
    assert f'href="{PAGE}/"' in ann.http.get("/hub/home").text
    until("the group's is built", lambda: ready(release, "group-climate/tiny"), every=1)
    assert {"global/work", "group-climate/tiny"} <= set(listed(ann))
    assert "group-climate/tiny" not in listed(bob)
    assert ann.http.get(f"{PAGE}/api/v1/permission/").json()["data"]["primary_namespace"] == "user-ann"
    assert httpx.get(f"{release.address}{PAGE}/api/v2/environment/").status_code == 401


@pytest.mark.usefixtures("own")
def test_what_somebody_makes_is_a_kernel_of_theirs_and_of_nobody_else(ann: Person, bob: Person) -> None:
    assert "user-ann/own" in listed(ann)
    assert "user-ann/own" not in listed(bob)
    assert order(bob, "user-ann/theirs", "tiny").status_code == 403
    for name, key in ((OWN, "user-ann/own"), (WORK, "global/work")):
        kernel = start_kernel(ann, name).json()["id"]
        said = run_cell(ann, kernel, "import os, sys; print(sys.prefix, os.environ['CONDA_DEFAULT_ENV'], os.getuid())")
        prefix, named, uid = said.split()
        assert prefix.startswith(f"/home/conda/{key.partition('/')[0]}/builds/")
        assert (named, int(uid) >= 100_000) == (key, True)
        assert "Read-only file system" in run_cell(ann, kernel, "open(f'{sys.prefix}/mine', 'w')")
    assert WORK in kernels_of(bob)
    assert OWN not in kernels_of(bob)
    assert typed(bob, "ls /home/conda").split() == ["global", "user-bob"]


@pytest.mark.usefixtures("own")
def test_a_pod_that_is_killed_keeps_what_was_built_and_says_what_was_not(release: Release, ann: Person) -> None:
    pod = release.pod("environments")["metadata"]["name"]
    build = ordered(ann, "user-ann/died", "python", "ipykernel")
    until("it is being built", lambda: build_of(ann, build)["status"] == "BUILDING", every=0.05)
    # Kept where it is: the build would be over before the pod is.
    release.kubectl("exec", BUILDER, "-c", "worker", "--", "sh", "-c", HOLD)
    release.kubectl("delete", "pod", pod, "--force", "--grace-period=0")
    assert {WORK, OWN} <= set(kernels_of(ann))
    release.ready()
    until("the build says so", lambda: "ended before it was done" in env(release, "list").stdout, every=1)
    assert build_of(ann, build)["status"] == "FAILED"
    assert {"global/work", "user-ann/own", "user-ann/died"} <= set(listed(ann))
    assert {WORK, OWN} <= set(kernels_of(ann))
    assert over(ann, ordered(ann, "user-ann/died", "tiny")) == "COMPLETED"


def test_where_packages_run_programs_there_is_no_secret(release: Release) -> None:
    tried = (
        "id -u; ls -d /var/run/secrets/* /etc/qhub-conda-store; touch /x /var/lib/qhub-conda-store/values.json; "
        "tr '\\0' '\\n' </proc/1/environ; cat /tmp/conda-store/settings.json"
    )
    said = ran("kubectl", "-n", release.namespace, "exec", BUILDER, "-c", "worker", "--", "sh", "-c", tried)
    assert said.stdout.splitlines()[0] == "65533"
    assert said.stderr.count("No such file or directory") == 2
    assert said.stderr.count("Read-only file system") == 2
    keys = ("hub.services.conda-store.apiToken", "qhub.condaStoreKey")
    assert not any(release.secret(key) in said.stdout for key in keys)
    assert '"reconciler": ""' in said.stdout


def test_it_reaches_channels_and_the_hub_and_people_reach_it_by_the_proxy_only(release: Release, ann: Person) -> None:
    code = (
        "import socket\n"
        "for host, port in (('channel', 8000), ('hub', 8081), ('proxy-api', 8001), ('qhub-storage', 8102)):\n"
        "    try:\n"
        "        socket.create_connection((host, port), 2).close(); print(host)\n"
        "    except OSError: pass\n"
    )
    assert release.kubectl("exec", BUILDER, "-c", "worker", "--", "python", "-c", code).split() == ["channel", "hub"]
    asked = "curl --silent --max-time 3 --output /dev/null http://qhub-conda-store:8103/; echo ended $?"
    assert typed(ann, asked) in ("ended 7", "ended 28")

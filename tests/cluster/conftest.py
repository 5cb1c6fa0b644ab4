"""Tests against a real cluster: `make e2e`, or `pytest tests/cluster`. Nothing else collects them."""

import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from qhub_hub.testing.one_machine import Person
from tests.browser.conftest import browser, context, keep_screenshot  # noqa: F401 - fixtures
from tests.cluster.kubernetes import ROOT, kubectl, objects, ran, what_happened
from tests.cluster.release import Release

HERE = Path(__file__).parent
POOL = "qhub-e2e/pool"
"""Label of the two nodes that tests tell apart."""

FAR = "qhub-e2e/far"
"""Taint of the second one."""

_BEGUN = pytest.StashKey[list[str]]()
_FIGURES = pytest.StashKey[dict[str, str]]()

TEAM = """
qhub:
  signIn: {allow: everyone}
  users:
    ann: {uid: 130001, displayName: Ann}
  groups:
    climate: {gid: 80001, members: [ann]}
    ocean: {gid: 80002, members: [bob]}
    field-trip: {gid: 80003, members: [ann, bob]}
  nodeGroups:
    near: {labels: {qhub-e2e/pool: near}}
    far: {labels: {qhub-e2e/pool: far}, taints: [{key: qhub-e2e/far, value: "yes"}]}
  profiles:
    small:
      displayName: Small
      description: Notebooks, teaching and light data work.
      order: 1
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
    near:
      displayName: Near
      description: For the climate people, on a node of their own.
      order: 2
      nodeGroup: near
      allowedGroups: [climate]
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
    far:
      displayName: Far
      description: For the ocean people, on another one.
      order: 3
      nodeGroup: far
      allowedGroups: [ocean]
      cpu: {guarantee: 0.05, limit: 2}
      memory: {guarantee: "128Mi", limit: "2Gi"}
    gpu: {displayName: Accelerated, order: 4, allowedGroups: [climate], cpu: {limit: 1}, memory: {limit: "1Gi"}}
    sized:
      displayName: As you like
      order: 5
      options:
        sizes:
          one: {cpu: {guarantee: 0.05, limit: 1}, memory: {guarantee: "128Mi", limit: "1Gi"}}
          two: {cpu: {guarantee: 0.05, limit: 2}, memory: {guarantee: "128Mi", limit: "2Gi"}}
    brief:
      displayName: Brief
      description: Ends when you have been away for a quarter of a minute.
      order: 6
      cpu: {guarantee: 0.05, limit: 1}
      memory: {guarantee: "128Mi", limit: "1Gi"}
      culling: {idle: 15s}
    medium: null
    share: null
"""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A cluster is only touched by somebody who named these tests."""
    named = [Path(argument.split("::")[0]).absolute() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in named) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Losing a node comes last, as everything feels it."""
    items.sort(key=lambda item: item.path.name == "test_lost_node.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the cluster says about a failure, before the namespace is deleted."""
    report = yield
    if report.failed and (begun := item.config.stash.get(_BEGUN, [])):
        used = {one.namespace for one in getattr(item, "funcargs", {}).values() if isinstance(one, Release)}
        text = "\n\n".join(what_happened(namespace) for namespace in sorted(used) or begun[-1:])
        folder = ROOT / "build" / "e2e"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{item.name[:100].replace('/', '-')}.{report.when}.txt").write_text(text)
        report.sections.append(("the cluster", text))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    if figures := config.stash.get(_FIGURES, {}):
        terminalreporter.section("figures")
        for name, value in sorted(figures.items()):
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def figure(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Print a duration at the end of the run: `figure("the proxy's routes come back", began)`."""
    figures = request.config.stash.setdefault(_FIGURES, {})

    def note(name: str, began: float) -> None:
        figures[name] = f"{time.monotonic() - began:.1f} s"

    return note


@pytest.fixture(scope="session")
def new_namespace(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Make a namespace, deleted at the end of the run unless QHUB_KEEP is set."""
    begun = request.config.stash.setdefault(_BEGUN, [])

    def new(purpose: str, level: str = "baseline") -> str:
        name = f"e2e-{purpose}-{secrets.token_hex(3)}"
        kubectl("create", "namespace", name)
        # The level that the storage service needs; the others are checked in test_pod_security.
        kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}", "qhub-e2e=yes")
        begun.append(name)
        return name

    yield new
    if os.environ.get("QHUB_KEEP"):
        print(f"\nkept: {' '.join(begun)}")
        return
    for name in begun:
        ran("kubectl", "delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def new_release(new_namespace: Callable[..., str], request: pytest.FixtureRequest) -> Iterator[Callable[..., Release]]:
    """Make a namespace with room for a release: `new_release().install(values)`. Ends with the module."""
    releases: list[Release] = []

    def new(purpose: str = "") -> Release:
        module = request.path.stem.removeprefix("test_").replace("_", "-")
        releases.append(Release(new_namespace(purpose or module)))
        return releases[-1]

    yield new
    for release in releases:
        release.close()
        if not os.environ.get("QHUB_KEEP"):
            ran("kubectl", "delete", "namespace", release.namespace, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def team(new_namespace: Callable[..., str]) -> Iterator[Release]:
    """A release that many tests use and none changes: see `TEAM`."""
    release = Release(new_namespace("team")).install(TEAM)
    yield release
    release.close()


@pytest.fixture
def sign_in(team: Release) -> Iterator[Callable[[str], Person]]:
    """Sign somebody in to `team`; their server is stopped when the test is over."""
    people: list[Person] = []

    def signed_in(name: str) -> Person:
        people.append(team.person(name))
        return people[-1]

    yield signed_in
    for person in people:
        team.leave(person)


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[str, str]]:
    """The nodes of the node groups `near` and `far`, which are told apart by a label and, of the far one, a taint."""
    nodes = [
        node["metadata"]["name"]
        for node in objects("default", "nodes")
        if not node["spec"].get("unschedulable") and not node["spec"].get("taints")
    ]
    if len(nodes) < 2:
        pytest.skip(f"needs two nodes without taints; this cluster has {len(nodes)}")
    near, far = sorted(nodes)[:2]
    kubectl("label", "--overwrite", "node", near, f"{POOL}=near")
    kubectl("label", "--overwrite", "node", far, f"{POOL}=far")
    kubectl("taint", "--overwrite", "node", far, f"{FAR}=yes:NoSchedule")
    yield {"near": near, "far": far}
    kubectl("taint", "node", far, f"{FAR}-")
    kubectl("label", "node", near, far, f"{POOL}-")

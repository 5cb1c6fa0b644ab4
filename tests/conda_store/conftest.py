"""A real hub with the real conda-store: its server, its worker, and environments from a channel of real packages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import eventually
from tests.conda_store.programs import programs
from tests.environments.conftest import _reachable, channel  # noqa: F401 - fixtures

PAGE = "/services/conda-store"
VALUES = """
qhub:
  users: {{ann: {{}}, bob: {{}}, eve: {{}}}}
  groups: {{data: {{members: [ann, bob]}}, other: {{members: [{other}]}}}}
  profiles: {{small: {{order: -1, cpu: {{limit: 1}}}}}}
  environments:
    provider: conda-store
    condaStore: {{programs: {programs}}}
    channels: [team]
    mirrors: {{team: "{channel}"}}
    keep: {{minFree: 1Mi}}
    personal: {{quota: {quota}}}
    declared:
      global/work: {{dependencies: [python, ipykernel]}}
      group-data/tiny: {{dependencies: ["tiny={tiny}"]}}
      global/wrong: {{dependencies: [nosuchpackage]}}
"""


class Site:
    """The hub, and what conda-store says of somebody's requests."""

    def __init__(self, hub: RunningHub, values: dict[str, object]) -> None:
        self.hub = hub
        self._values = values

    def values(self, **changed: str) -> None:
        """Change the values file."""
        self._values |= changed
        self.hub.values[0].write_text(VALUES.format_map(self._values))

    def person(self, name: str) -> Person:
        """Somebody who is signed in to conda-store, too, and whose namespace has its folder."""
        person = self.hub.person(name)
        # Where a test has just killed it, it is not there at once.
        page = f"{PAGE}/ui/"
        eventually(lambda: person.http.get(page, headers={"Accept": "text/html"}).status_code == 200)
        eventually((self.environments / f"user-{name}" / "builds").is_dir)
        return person

    @property
    def environments(self) -> Path:
        """The folder of all namespaces."""
        return self.hub.state / "files" / "environments"

    @property
    def told(self) -> dict[str, Any]:
        """What conda-store knows of the values."""
        return json.loads((self.hub.state / "conda-store" / "values.json").read_text())

    def entry(self, key: str) -> dict[str, Any]:
        """What the manifest says of an environment; empty: nothing."""
        namespace, _, name = key.partition("/")
        path = self.environments / namespace / ".qhub-envs.json"
        entries = json.loads(path.read_text()) if path.exists() else []
        return next((entry for entry in entries if entry["name"] == name), {})

    def built(self, key: str) -> dict[str, Any]:
        """The manifest's entry, once the environment is ready."""
        eventually(lambda: self.entry(key).get("status") == "ready")
        return self.entry(key)


def order(person: Person, key: str, *dependencies: str, **more: Any) -> httpx.Response:
    """Have an environment built by REST, as conda-store's page does it."""
    namespace, _, name = key.partition("/")
    specification = {"name": name, "dependencies": list(dependencies), **more}
    return person.http.post(
        f"{PAGE}/api/v1/specification/", json={"namespace": namespace, "specification": json.dumps(specification)}
    )


def listed(person: Person) -> list[str]:
    """The environments that conda-store lists for somebody."""
    rows = person.http.get(f"{PAGE}/api/v2/environment/?limit=1000").json()["data"]
    return [f"{row['namespace']['name']}/{row['name']}" for row in rows]


@pytest.fixture(scope="session")
def site(lasting_qhub_up: Callable[..., RunningHub], channel: str) -> Site:  # noqa: F811
    """A hub on which ann and bob are in the group data, and eve in none."""
    values = {"channel": channel, "programs": programs(), "tiny": "1.0", "other": "bob", "quota": "1Gi"}
    site = Site(lasting_qhub_up("conda-store", VALUES.format_map(values)), values)
    # It starts after the hub, which waits for nobody.
    eventually(lambda: httpx.get(f"{site.hub.address}{PAGE}/api/v1/").status_code == 401)
    return site

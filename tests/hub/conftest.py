"""One real hub for the tests of this folder, with a small team on it."""

from collections.abc import Callable, Iterator

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub

TEAM = """
qhub:
  users:
    ann: {uid: 120001, displayName: Ann Example}
    bob: {}
    eve: {}
  groups:
    data: {members: [ann, bob]}
    /lab/gpu: {members: [ann]}
  nodeGroups:
    user: {cpu: 8, memory: "32Gi"}
  profiles:
    small:
      displayName: Small
      order: -1
      cpu: {limit: 1}
      memory: {limit: "2Gi"}
    sized:
      displayName: As you like
      order: 5
      options:
        sizes:
          one: {cpu: {limit: 1}, memory: {limit: "1Gi"}}
          two: {cpu: {limit: 2}, memory: {limit: "2Gi"}}
    gpu:
      displayName: Accelerated
      order: 10
      cpu: {limit: 2}
      memory: {limit: "4Gi"}
      allowedGroups: [/lab/gpu]
  limits:
    everyone: {servers: 2}
"""


@pytest.fixture(scope="session")
def team(lasting_qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub on which ann (data, gpu), bob (data), eve and admin can sign in."""
    return lasting_qhub_up("team", TEAM)


@pytest.fixture
def sign_in(team: RunningHub) -> Iterator[Callable[[str], Person]]:
    """Sign somebody in; their servers are stopped after the test."""
    people: list[Person] = []

    def signed_in(name: str) -> Person:
        people.append(team.person(name))
        return people[-1]

    yield signed_in
    for person in people:
        for server in person.api("GET", f"/users/{person.name}").json().get("servers") or {}:
            person.stop(server)

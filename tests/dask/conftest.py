"""One real hub with its gateway, and what a notebook of somebody's would do."""

from collections.abc import Callable, Iterator

import pytest

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import Person, RunningHub
from tests.environments.conftest import _reachable, channel  # noqa: F401 - fixtures

VALUES = """
qhub:
  users: {{ann: {{}}, bob: {{}}, eve: {{}}}}
  groups:
    data: {{members: [ann]}}
    gpu: {{members: [bob]}}
  profiles:
    small: {{order: -1, cpu: {{guarantee: 0.1, limit: 2}}, memory: {{guarantee: "256Mi", limit: "2Gi"}}}}
    fast: {{cpu: {{guarantee: 0.1, limit: 2}}, memory: {{limit: "1Gi"}}, allowedGroups: [gpu]}}
  prices: {{cpu: 0.5}}
  limits:
    everyone: {{dask: {{clusters: 2, workers: 3}}}}
  environments:
    channels: ["{channel}"]
    keep: {{minFree: 1Mi}}
    declared:
      global/work: {{dependencies: [dask-gateway, distributed]}}
      global/old: {{dependencies: [tiny]}}
"""


@pytest.fixture(scope="session")
def dask_hub(lasting_qhub_up: Callable[..., RunningHub], channel: str) -> RunningHub:  # noqa: F811
    """A hub on which ann (data), bob (gpu) and eve can sign in, and which builds two environments."""
    return lasting_qhub_up("dask", VALUES.format(channel=channel))


@pytest.fixture
def notebook(dask_hub: RunningHub) -> Iterator[Callable[[str], Notebook]]:
    """Start somebody's server and give them a notebook; stopped after the test, with their clusters."""
    people: list[Person] = []

    def open_for(name: str) -> Notebook:
        person = dask_hub.person(name)
        people.append(person)
        answer = person.start({"profile": "small"})
        assert answer.status_code < 400, answer.text
        return Notebook(dask_hub, person)

    yield open_for
    for person in people:
        person.stop()

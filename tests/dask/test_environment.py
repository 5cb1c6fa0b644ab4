"""Clusters run in the environment that was asked for, which their owner's notebook need not run in."""

import json
import time
from collections.abc import Callable

import pytest

from qhub_hub.environments import Environment, read_manifest
from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub

pytestmark = [pytest.mark.root, pytest.mark.timeout(400)]
BUILT_WITHIN = 180  # seconds

WHERE = """
import json, sys
from dask_gateway import Gateway
with Gateway().new_cluster(environment="global/work") as cluster:
    cluster.scale(1)
    client = cluster.get_client()
    scheduler = client.run_on_scheduler(lambda: sys.prefix)
    print(json.dumps([scheduler, client.submit(lambda: sys.prefix).result()]))
"""

WITHOUT_DASK = """
from dask_gateway import Gateway
try:
    Gateway().new_cluster(environment="global/old")
except Exception as error:
    print(error)
"""


def built(hub: RunningHub, name: str) -> Environment:
    deadline = time.monotonic() + BUILT_WITHIN
    while time.monotonic() < deadline:
        for environment in read_manifest(hub.state / "files/environments/global"):
            if environment.name == name and environment.prefix:
                return environment
        time.sleep(0.2)
    raise AssertionError(f"{name} was not built")


def test_scheduler_and_workers_run_in_the_chosen_environment(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub
) -> None:
    work = built(dask_hub, "work")
    assert json.loads(notebook("ann").run(WHERE)) == [work.prefix, work.prefix]


def test_an_environment_without_dask_is_refused_with_a_sentence(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub
) -> None:
    built(dask_hub, "old")
    said = notebook("bob").run(WITHOUT_DASK)
    assert "global/old" in said
    assert "distributed" in said

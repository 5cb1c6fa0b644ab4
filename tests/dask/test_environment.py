"""Clusters run in the environment that was asked for, which their owner's notebook need not run in."""

import json
from collections.abc import Callable

import pytest

from qhub_hub.environments import Environment, read_manifest
from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.waiting import eventually

pytestmark = [pytest.mark.root]

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
    def ready() -> Environment | None:
        there = read_manifest(hub.state / "files/environments/global")
        return next((one for one in there if one.name == name and one.prefix), None)

    found = eventually(ready)
    assert found is not None
    return found


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

"""Clusters run in the environment that was asked for, which their owner's notebook need not run in."""

import json
from collections.abc import Callable

import pytest

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub

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


def test_scheduler_and_workers_run_in_the_chosen_environment(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub
) -> None:
    work = dask_hub.built("global", "work")
    assert json.loads(notebook("ann").run(WHERE)) == [work.prefix, work.prefix]


def test_an_environment_without_dask_is_refused_with_a_sentence(
    notebook: Callable[[str], Notebook], dask_hub: RunningHub
) -> None:
    dask_hub.built("global", "old")
    said = notebook("bob").run(WITHOUT_DASK)
    assert "global/old" in said
    assert "distributed" in said

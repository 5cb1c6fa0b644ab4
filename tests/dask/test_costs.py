"""Clusters on a real gateway, where the values say what a day may cost."""

from collections.abc import Callable

import pytest

from qhub_hub.testing.notebook import Notebook
from qhub_hub.testing.one_machine import RunningHub

VALUES = """
qhub:
  users: {ann: {}, bob: {}}
  groups: {data: {members: [bob]}}
  profiles:
    small: {order: -1, cpu: {guarantee: 0.1, limit: 1}, memory: {guarantee: "128Mi", limit: "1Gi"}, price: 0}
    priced: {cpu: {guarantee: 0.1, limit: 1}, memory: {guarantee: "128Mi", limit: "1Gi"}, price: 3}
  limits:
    everyone: {costPerDay: 8}
    users: {bob: {}}
    groups: {data: {costPerDay: 2.5}}
"""
ASK = """
from dask_gateway import Gateway
gateway = Gateway()
for profile in {}:
    try:
        gateway.new_cluster(profile=profile, shutdown_on_close=False)
        print("made")
    except Exception as error:
        print(error)
"""


@pytest.fixture(scope="module")
def hub(qhub_up: Callable[..., RunningHub]) -> RunningHub:
    """A hub of this file's own: what is paid on it counts for the day."""
    return qhub_up("dask-costs", VALUES)


@pytest.mark.root
@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        (
            "ann",
            ["priced", "priced", "priced", "small"],
            [
                "made",
                "made",
                "Your servers and Dask clusters have cost 6.00 USD today (UTC) of at most 8.00 USD a day, and an hour "
                "of this one costs 3.00 USD more with one worker (qhub.limits.everyone.costPerDay). Choose a cheaper "
                "profile or a smaller size, or start it after midnight UTC.",
                "made",
            ],
        ),
        (
            "bob",
            ["priced"],
            [
                "The servers and Dask clusters of the members of data have cost 0.00 USD today (UTC) of at most 2.50 "
                "USD a day, and an hour of this one costs 3.00 USD more with one worker "
                "(qhub.limits.groups.data.costPerDay). Choose a cheaper profile or a smaller size, or start it after "
                "midnight UTC."
            ],
        ),
    ],
    ids=["her own", "his group's"],
)
def test_a_cluster_that_does_not_fit_the_days_cost_is_refused_in_a_sentence(
    hub: RunningHub, name: str, asked: list[str], said: list[str]
) -> None:
    person = hub.person(name)
    person.start({"profile": "small"})
    notebook = Notebook(hub, person)
    try:
        # At once: not even the first one is in the hub's record when the third is asked for.
        assert notebook.run(ASK.format(asked)).splitlines() == said
    finally:
        notebook.run(
            "from dask_gateway import Gateway; g = Gateway(); [g.stop_cluster(c.name) for c in g.list_clusters()]"
        )
        person.stop()

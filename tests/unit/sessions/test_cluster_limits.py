import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.models import Config
from qhub_hub.identity.model import Identity
from qhub_hub.sessions import ClusterRequest, ClusterUsage, Rejected, Share, make_cluster_plan, workers_that_fit

GIB = 2**30
SITE = {
    "profiles": {"p": {"cpu": {"limit": 2}, "memory": {"limit": "4Gi"}, "nodeGroup": "gpu", "gpu": 1, "price": 2}},
    "dask": {"scheduler": {"cpu": {"limit": 1}, "memory": {"limit": "1Gi"}}},
}


def plan(site, who, usage=None):
    return make_cluster_plan(site, who, ClusterRequest(), (), usage or ClusterUsage())


@pytest.mark.parametrize(
    ("limits", "usage", "found"),
    [
        (
            {"everyone": {"dask": {"clusters": 2}}},
            ClusterUsage({"ann": Share(clusters=2)}),
            "Your Dask clusters use 2 clusters of at most 2 clusters, and this one needs 1 cluster more with one "
            "worker (qhub.limits.everyone.dask.clusters)",
        ),
        ({"everyone": {"dask": {"workers": 0}}}, None, "use 0 workers of at most 0 workers"),
        (
            {"everyone": {"dask": {"cpu": 4}}},
            ClusterUsage({"ann": Share(cpu=1.5)}),
            "use 1.5 cores of at most 4 cores, and this one needs 3 cores more",
        ),
        ({"everyone": {"dask": {"memory": "4Gi"}}}, None, "of at most 4 GiB, and this one needs 5 GiB more"),
        (
            {"groups": {"data": {"dask": {"gpu": 1}}}},
            ClusterUsage(groups={"data": Share(gpu=1)}),
            "The Dask clusters of the members of data use 1 GPU of at most 1 GPU",
        ),
        (
            {"users": {"ann": {"dask": {"pricePerHour": 1}}}},
            None,
            "use 0.00 USD per hour of at most 1.00 USD per hour, and this one needs 2.00 USD per hour more with one "
            "worker (qhub.limits.users.ann.dask.pricePerHour)",
        ),
    ],
    ids=["clusters", "workers", "cores", "memory", "a group's accelerators", "price"],
)
def test_a_refusal_names_the_limit_the_use_and_the_wish(config_of, person, limits, usage, found):
    with pytest.raises(Rejected) as refusal:
        plan(config_of(**SITE, limits=limits), person("ann", "data"), usage)
    assert found in refusal.value.message
    assert refusal.value.reason == "limit"


@pytest.mark.parametrize(
    ("limits", "usage", "found"),
    [
        (
            {"everyone": {"costPerDay": 10}},
            ClusterUsage().with_cost_today({"ann": 9.5}, {}),
            "Your servers and Dask clusters have cost 9.50 USD today (UTC) of at most 10.00 USD a day, and an hour of "
            "this one costs 2.00 USD more with one worker (qhub.limits.everyone.costPerDay). Choose a cheaper profile",
        ),
        (
            {"groups": {"data": {"costPerDay": 100}}},
            ClusterUsage().with_cost_today({"ann": 1.0}, {"data": 98.5}),
            "The servers and Dask clusters of the members of data have cost 98.50 USD today",
        ),
        ({"users": {"ann": {"costPerDay": 0}}}, None, "at most 0.00 USD a day"),
        (
            {"everyone": {"costPerDay": 10}},
            ClusterUsage().with_cost_today({"ann": 5.0}, {}).with_hours_of([("ann", ["data"], 4.0)]),
            "have cost 9.00 USD today",
        ),
    ],
    ids=["a person", "a group", "nothing at all", "one that no record holds yet"],
)
def test_a_cluster_that_does_not_fit_the_days_cost_is_refused(config_of, person, limits, usage, found):
    with pytest.raises(Rejected) as refusal:
        plan(config_of(**SITE, limits=limits), person("ann", "data"), usage)
    assert found in refusal.value.message
    assert refusal.value.reason == "limit"


@pytest.mark.parametrize(
    ("price", "paid"), [(2, 8.0), (2, 0.0), (0, 99.0)], ids=["to the cent", "nothing paid", "free is not held up"]
)
def test_a_cluster_that_fits_the_days_cost_is_let_in(config_of, person, price, paid):
    free = {"p": {**SITE["profiles"]["p"], "price": price}}
    site = config_of(**{**SITE, "profiles": free}, limits={"everyone": {"costPerDay": 10}})
    others = ClusterUsage().with_cost_today({"ann": paid, "bob": 99.0}, {"data": 99.0})
    assert plan(site, person("ann", "data"), others).worker_share.workers == 1


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 100),
        ({"everyone": {"dask": {"workers": 7}}}, 7),
        ({"everyone": {"dask": {"cpu": 8}}}, 3),
        ({"everyone": {"dask": {"memory": "9Gi"}}}, 2),
        ({"everyone": {"dask": {"workers": 7}}, "groups": {"data": {"dask": {"gpu": 2}}}}, 2),
        ({"everyone": {"dask": {"pricePerHour": 5}}}, 2),
        ({"everyone": {"servers": 0, "cpu": 1}}, 100),
    ],
    ids=["none", "workers", "cores", "memory", "the smallest of two", "price", "servers' limits don't count"],
)
def test_a_cluster_has_as_many_workers_as_the_smallest_limit_allows(config_of, person, limits, most):
    assert plan(config_of(**SITE, limits=limits), person("ann", "data")).most_workers == most


def test_a_billion_workers_are_not_to_be_had(config_of, person):
    assert plan(config_of(**SITE), person()).most_workers == 100


@given(
    limit=st.integers(0, 50),
    used=st.integers(0, 60),
    empty=st.integers(0, 3),
    each=st.integers(1, 5),
)
def test_workers_that_fit_never_exceed_the_limit_and_one_more_would(limit, used, empty, each):
    site = Config.model_validate({"limits": {"everyone": {"dask": {"workers": limit}}}})
    who = Identity("ann", "ann", 100_001, 100_001, (), directory="ann", home="/home/ann")
    usage = ClusterUsage({"ann": Share(workers=used)})
    count = workers_that_fit(site, who, Share(workers=empty), Share(workers=each), usage)
    assert count is not None
    assert count >= 0
    assert count == 0 or used + empty + count * each <= limit
    assert used + empty + (count + 1) * each > limit

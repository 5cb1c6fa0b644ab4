import pytest

from qhub_hub.sessions import Rejected, Usage, Used, limits_cost, make_plan, parse_request, read_summary, summary

GIB = 2**30
PROFILE = {"cpu": {"limit": 2}, "memory": {"limit": "4Gi"}, "nodeGroup": "gpu", "gpu": 1}


def start(site, who, usage):
    return make_plan(site, who, parse_request({}), usage=usage)


@pytest.mark.parametrize(
    ("limits", "usage", "found"),
    [
        (
            {"everyone": {"servers": 2}},
            Usage({"ann": Used(servers=2)}),
            "You use 2 servers of at most 2 servers, and this server needs 1 server more "
            "(qhub.limits.everyone.servers)",
        ),
        (
            {"everyone": {"cpu": 4}},
            Usage({"ann": Used(1, cpu=2.5)}),
            "You use 2.5 cores of at most 4 cores, and this server needs 2 cores more (qhub.limits.everyone.cpu)",
        ),
        (
            {"everyone": {"memory": "6Gi"}},
            Usage({"ann": Used(1, memory=3 * GIB)}),
            "You use 3 GiB of at most 6 GiB, and this server needs 4 GiB more (qhub.limits.everyone.memory)",
        ),
        (
            {"groups": {"data": {"gpu": 4}}},
            Usage(groups={"data": Used(4, gpu=4)}),
            "The members of data together use 4 GPUs of at most 4 GPUs, and this server needs 1 GPU more "
            "(qhub.limits.groups.data.gpu)",
        ),
        ({"users": {"ann": {"servers": 0}}}, Usage(), "You use 0 servers of at most 0 servers"),
    ],
    ids=["servers", "cores", "memory", "group", "nobody's"],
)
def test_a_refusal_names_the_limit_the_use_and_the_wish(config_of, person, limits, usage, found):
    site = config_of(profiles={"p": PROFILE}, limits=limits)
    with pytest.raises(Rejected) as refusal:
        start(site, person("ann", "data"), usage)
    assert found in refusal.value.message
    assert (refusal.value.status, refusal.value.reason) == (403, "limit")


@pytest.mark.parametrize(
    ("limits", "usage"),
    [
        ({"everyone": {"servers": 2, "cpu": 4, "memory": "8Gi", "gpu": 2}}, Usage({"ann": Used(1, 2, 4 * GIB, 1)})),
        ({"everyone": {"servers": 1}}, Usage({"bob": Used(9, 99)})),
        ({"everyone": {"servers": 1}, "users": {"ann": {"servers": 3}}}, Usage({"ann": Used(2)})),
        ({"groups": {"ml": {"servers": 0}}}, Usage()),
        ({"everyone": {"cpu": 2.3}}, Usage({"ann": Used(3, 0.1 + 0.1 + 0.1)})),
    ],
    ids=["exactly full", "somebody else's use", "own limit instead", "another group's", "tenths add up"],
)
def test_what_fits_is_started(config_of, person, limits, usage):
    site = config_of(profiles={"p": PROFILE}, limits=limits)
    assert start(site, person("ann", "data"), usage).profile == "p"


def test_a_server_without_devices_is_not_held_up_by_others_devices(config_of, person):
    site = config_of(profiles={"p": {}}, limits={"groups": {"data": {"gpu": 1}}})
    assert start(site, person("ann", "data"), Usage(groups={"data": Used(3, gpu=3)})).gpu == 0


def test_use_is_added_up_by_person_and_by_the_groups_they_started_with(config_of, person):
    site = config_of(profiles={"p": PROFILE})
    ann, bob = (
        read_summary(summary(start(site, person(*who), Usage()))) for who in (("ann", "data", "gpu"), ("bob", "data"))
    )
    usage = Usage.of([("ann", ann), ("ann", ann), ("bob", bob)])
    assert usage.people == {"ann": Used(2, 4, 8 * GIB, 2), "bob": Used(1, 2, 4 * GIB, 1)}
    assert usage.groups == {"data": Used(3, 6, 12 * GIB, 3), "gpu": Used(2, 4, 8 * GIB, 2)}


@pytest.mark.parametrize(
    ("limits", "usage", "found"),
    [
        (
            {"everyone": {"costPerDay": 10}},
            Usage().with_cost_today({"ann": 9.5}, {}),
            "Your servers have cost 9.50 USD today (UTC) of at most 10.00 USD a day, and an hour of this one costs "
            "1.20 USD more (qhub.limits.everyone.costPerDay)",
        ),
        (
            {"groups": {"data": {"costPerDay": 100}}},
            Usage({"ann": Used(1)}).with_cost_today({"ann": 1.0}, {"data": 99.0}),
            "The servers of the members of data have cost 99.00 USD today (UTC) of at most 100.00 USD a day",
        ),
        ({"users": {"ann": {"costPerDay": 0}}}, Usage(), "at most 0.00 USD a day"),
    ],
    ids=["person", "group", "nothing that costs"],
)
def test_an_hour_that_does_not_fit_the_days_cost_is_refused(config_of, person, limits, usage, found):
    site = config_of(profiles={"p": {"price": 1.2}}, limits=limits)
    with pytest.raises(Rejected) as refusal:
        start(site, person("ann", "data"), usage)
    assert found in refusal.value.message
    assert (refusal.value.status, refusal.value.reason) == (403, "limit")


@pytest.mark.parametrize(
    ("price", "paid"), [(1.2, 8.8), (0, 99.0), (None, 99.0)], ids=["exactly full", "free of charge", "no price"]
)
def test_what_fits_the_days_cost_or_costs_nothing_is_started(config_of, person, price, paid):
    site = config_of(profiles={"p": {"price": price}}, limits={"everyone": {"costPerDay": 10}})
    usage = Usage({"ann": Used(2, 4.0)}).with_cost_today({"ann": paid}, {})
    assert start(site, person(), usage).profile == "p"
    assert usage.people["ann"] == Used(2, 4.0, cost_per_day=paid)


def test_the_days_cost_is_only_asked_for_where_a_limit_names_it(config_of, person):
    site = config_of(profiles={"p": {}}, limits={"everyone": {"servers": 1}, "groups": {"data": {"costPerDay": 1}}})
    assert not limits_cost(site, person())
    assert limits_cost(site, person("ann", "data"))

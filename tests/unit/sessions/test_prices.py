import pytest

from qhub_hub.sessions import Price, make_plan, parse_request
from qhub_hub.sessions.prices import describe_price

GIB = 2**30
NODE = {"cpu": 8.5, "reserved": {"cpu": 0.5}, "memory": "32.5Gi", "price": 0.8, "gpu": {"count": 4}}
FREE_NODE = {key: value for key, value in NODE.items() if key != "price"}
SIZE = {"cpu": {"limit": 2}, "memory": {"limit": "16Gi"}}


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ((SIZE | {"price": 3}, NODE, {"cpu": 1}), (3, "qhub.profiles.p.price")),
        ((SIZE | {"price": 0}, NODE, {"cpu": 1}), (0, "qhub.profiles.p.price")),
        ((SIZE, NODE, {"cpu": 1}), (0.4, "qhub.nodeGroups.user.price")),
        (({"cpu": {"limit": 8}, "memory": {"limit": "1Gi"}}, NODE, {}), (0.8, "qhub.nodeGroups.user.price")),
        (({"share": "1/3"}, NODE, {}), (0.8 / 3, "qhub.nodeGroups.user.price")),
        ((SIZE | {"gpu": 2}, FREE_NODE, {"cpu": 0.1, "memory": 0.01, "gpu": 1}), (2.36, "qhub.prices")),
        ((SIZE, FREE_NODE, {"cpu": 0.1}), (0.2, "qhub.prices")),
        ((SIZE, {"price": 0.8}, {"cpu": 0.1}), (0.2, "qhub.prices")),
        (({"gpu": 0}, FREE_NODE, {"gpu": 2}), (0, "qhub.prices")),
    ],
    ids=[
        "stated",
        "stated as free",
        "by memory share",
        "by core share",
        "by share of a node",
        "sum",
        "one rate",
        "node of unknown size",
        "no device used",
    ],
)
def test_the_first_rule_that_says_something_wins(config_of, person, site, expected):
    (profile, node, rates), (per_hour, source) = site, expected
    site = config_of(profiles={"p": profile}, nodeGroups={"user": node}, prices=rates | {"currency": "EUR"})
    price = make_plan(site, person(), parse_request({})).price
    assert price == Price(pytest.approx(per_hour), "EUR", source)


@pytest.mark.parametrize(
    ("profile", "node", "rates"),
    [
        (SIZE, FREE_NODE, {}),
        ({}, NODE, {}),
        ({"cpu": {"limit": 1}}, FREE_NODE, {"cpu": 1, "memory": 1}),
    ],
    ids=["nothing stated", "server without amounts", "rate for an unknown amount"],
)
def test_what_is_not_known_has_no_price_instead_of_none_to_pay(config_of, person, profile, node, rates):
    site = config_of(profiles={"p": profile}, nodeGroups={"user": node}, prices=rates)
    assert make_plan(site, person(), parse_request({})).price is None


@pytest.mark.parametrize(
    ("per_hour", "text"),
    [
        (0, "0.00 USD per hour"),
        (0.25, "0.25 USD per hour"),
        (0.00123, "0.0012 USD per hour"),
        (12, "12.00 USD per hour"),
    ],
)
def test_prices_are_written_with_digits_that_matter(per_hour, text):
    assert describe_price(Price(per_hour, "USD")) == text

import pytest

from qhub_hub.sessions.idle import idle_policy

PROFILES = {"plain": {}, "own": {"culling": {"idle": "30m", "maxAge": "1d"}}}
CULLING = {
    "idle": "1h",
    "groups": {"data": {"idle": "2h"}, "gpu": {"idle": "10m", "maxAge": "8h"}, "ml": {"idle": 0}},
    "users": {"ann.b": {"idle": "5m"}},
}


@pytest.mark.parametrize(
    ("who", "profile", "expected"),
    [
        (("ann",), "plain", (3600, 0, "qhub.culling.idle")),
        (("ann",), "own", (1800, 86400, "qhub.profiles.own.culling.idle")),
        (("ann", "data"), "own", (7200, 86400, "qhub.culling.groups.data.idle")),
        (("ann", "data", "gpu"), "own", (7200, 28800, "qhub.culling.groups.data.idle")),
        (("ann", "data", "gpu", "ml"), "own", (0, 28800, "qhub.culling.groups.ml.idle")),
        (("ann.b", "data", "gpu"), "own", (300, 28800, 'qhub.culling.users."ann.b".idle')),
        (("ann", "all"), "plain", (3600, 0, "qhub.culling.idle")),
    ],
    ids=["default", "profile", "group", "most generous", "never is most generous", "user", "group without rule"],
)
def test_the_narrowest_rule_wins_for_each_term(config_of, person, who, profile, expected):
    site = config_of(profiles=PROFILES, culling=CULLING)
    policy = idle_policy(site, person(*who), profile)
    assert (policy.idle, policy.max_age, policy.source) == expected


def test_nothing_is_stopped_where_culling_is_off(config_of, person):
    site = config_of(profiles=PROFILES, culling=CULLING | {"enabled": False})
    policy = idle_policy(site, person("ann", "gpu"), "own")
    assert (policy.idle, policy.max_age, policy.kernel_idle, policy.terminal_idle) == (0, 0, 0, 0)
    assert policy.source == "qhub.culling.enabled"

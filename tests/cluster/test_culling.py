"""Servers that nobody uses end; others go on."""

import time
from collections.abc import Callable

from qhub_hub.testing.one_machine import Person
from tests.cluster.kubernetes import until
from tests.cluster.release import Release


def test_an_idle_server_ends_and_another_goes_on(
    team: Release, sign_in: Callable[[str], Person], figure: Callable[[str, float], None]
) -> None:
    idle, kept = sign_in("ida"), sign_in("karl")
    for person, profile in ((idle, "brief"), (kept, "small")):
        assert person.start({"profile": profile}).status_code in (201, 202)
    pod = team.server_pod("karl")
    began = time.monotonic()
    until("the idle server is gone", lambda: team.server_pod("ida") is None, 90)
    figure("a server with an idle limit of 15 s is gone", began)
    until("the hub knows it, too", lambda: not idle.server())
    assert kept.server()["ready"]
    assert (team.server_pod("karl") or {})["metadata"]["uid"] == (pod or {})["metadata"]["uid"]

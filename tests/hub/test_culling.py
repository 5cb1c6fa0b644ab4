"""The real culler: a server that nobody uses is stopped by its own profile's rule, and no other one."""

from collections.abc import Callable

from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.waiting import eventually

VALUES = """
qhub:
  profiles:
    short: {displayName: Short, order: -2, culling: {idle: 6}}
    long: {displayName: Long, order: -1, culling: {idle: 3600}}
"""


def test_an_idle_server_is_stopped_and_one_with_a_longer_limit_goes_on(
    qhub_up: Callable[..., RunningHub],
) -> None:
    hub = qhub_up("culling", VALUES)
    ann, bob = hub.person("ann"), hub.person("bob")
    assert ann.start({"profile": "short"}).status_code in (201, 202)
    assert bob.start({"profile": "long"}).status_code in (201, 202)
    bob.wait_for()
    eventually(lambda: not ann.server())
    assert bob.server()["ready"]
    assert "Traceback" not in hub.said()
    bob.stop()

"""`jupyterhub.hub.config` and `hub.extraConfig` of the values file, on a real `qhub up`."""

from collections.abc import Callable

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub

Up = Callable[..., RunningHub]

DUMMY = """
jupyterhub:
  hub:
    config:
      JupyterHub: {authenticator_class: dummy}
      DummyAuthenticator: {password: dummies, allow_all: true}
    extraConfig:
      10-own: "c.JupyterHub.named_server_limit_per_user = 1"
"""


def test_another_authenticator_can_be_chosen_and_nobody_becomes_administrator_by_a_name(qhub_up: Up) -> None:
    hub = qhub_up("dummy", DUMMY)
    assert "as the values file says (dummy)" in hub.said()
    assert str(hub.state / "secrets") not in hub.said(), "that password is not asked for here"
    admin = Person(hub.address, "admin", "dummies")
    assert admin.api("GET", "/user").json()["admin"] is False
    stranger = Person(hub.address, "x", "wrong")
    assert str(hub.state) not in stranger.answer.text
    stranger.close()
    assert admin.start().status_code in (201, 202)
    admin.stop()
    admin.close()


def test_a_name_that_only_the_other_authenticator_finds_legal_gets_no_server(qhub_up: Up) -> None:
    hub = qhub_up("dummy-root", DUMMY)
    root = Person(hub.address, "root", "dummies")
    refused = root.start()
    assert refused.status_code == 403
    assert "can't be used here" in refused.json()["message"]
    root.close()


BAD = {
    "wrong type": ("{JupyterHub: {concurrent_spawn_limit: many}}", "{}", "'concurrent_spawn_limit' trait"),
    "unknown authenticator": ("{JupyterHub: {authenticator_class: nope}}", "{}", "'nope'"),
    "wrong type in the authenticator": ("{Authenticator: {admin_users: 5}}", "{}", "'admin_users' trait"),
    "not a map": ("{JupyterHub: 5}", "{}", "config.JupyterHub must be a map"),
    "wrong code": ("{}", '{own: "c.x = y"}', "extraConfig.own, line 1: NameError"),
    "a spawner without plans": ("{JupyterHub: {spawner_class: simple}}", "{}", "without a plan"),
}


@pytest.mark.parametrize("case", BAD)
def test_configuration_that_can_not_be_used_is_a_sentence(qhub_up: Up, case: str) -> None:
    config, extra, words = BAD[case]
    values = f"jupyterhub: {{hub: {{config: {config}, extraConfig: {extra}}}}}\n"
    with pytest.raises(RuntimeError) as refused:
        qhub_up(f"bad-{case.replace(' ', '-')}", values)
    said = str(refused.value)
    assert words in said
    assert "qhub: The " in said
    assert "Traceback" not in said

"""What is made once, and what starts a hub or a proxy anew."""

import re

import pytest

from tests.chart.conftest import CHART, SETS

MADE = {
    "hub.config.ConfigurableHTTPProxy.auth_token": r"\w{40}",
    "hub.config.CryptKeeper.keys": r"[0-9a-f]{64}",
    "hub.config.JupyterHub.cookie_secret": r"[0-9a-f]{64}",
    "hub.services.conda-store.apiToken": r"\w{40}",
    "hub.services.dask-gateway.apiToken": r"\w{40}",
    "qhub.adminPassword": r"\w{40}",
    "qhub.condaStoreKey": r"\w{40}",
    "qhub.daskKey": r"\w{40}",
    "qhub.daskProxyToken": r"\w{40}",
    "qhub.environmentsToken": r"\w{40}",
    "qhub.password": r"\w{20}",
    "qhub.storageToken": r"\w{40}",
}


def again(helm, *names: str) -> str:
    options = [word for name in names for word in ("-f", str(CHART / "ci" / f"{name}.yaml"))]
    return helm("template", "qhub", str(CHART), "--namespace", "team", *options).stdout


def without_made(text: str) -> str:
    return re.sub(rf"^  ({'|'.join(map(re.escape, MADE))}|hub\.services\..*): .*$", r"  \1", text, flags=re.MULTILINE)


def test_all_keys_are_made_and_none_is_like_another(render) -> None:
    found = render().secret("hub")
    del found["values.yaml"]
    assert found.keys() == MADE.keys()
    assert all(re.fullmatch(MADE[key], value) for key, value in found.items())
    assert len(set(found.values())) == len(found)


def test_the_administrators_own_secret_makes_every_render_the_same(helm, render) -> None:
    assert again(helm, "existing-secret") == render("existing-secret").text
    assert render("existing-secret").secret("hub").keys() == {"values.yaml"}
    assert "qhub-keys" in str(render("existing-secret").get("Deployment", "qhub-storage"))
    assert "qhub-keys" in str(render("existing-secret").get("Deployment", "proxy"))
    assert "existing-secret" in str(render("existing-secret").get("Deployment", "hub"))


@pytest.mark.parametrize("values", [file.stem for file in SETS])
def test_what_is_made_up_is_in_one_secret_and_restarts_nothing(helm, render, values: str) -> None:
    assert without_made(again(helm, values)) == without_made(render(values).text)


def test_stated_secrets_are_used_and_kept_out_of_the_values(render) -> None:
    found = render("everything").secret("hub")
    assert found["hub.config.JupyterHub.cookie_secret"] == "00112233445566778899aabbccddeeff" * 2
    assert found["hub.config.ConfigurableHTTPProxy.auth_token"] == "stated-proxy-token"
    assert found["hub.services.grader.apiToken"] == "stated-token"
    assert re.fullmatch(r"\w{40}", found["hub.services.reports.apiToken"])
    assert render("postgres").secret("hub")["hub.db.password"] == "not-a-real-one"
    for manifests in (render("everything"), render("postgres"), render("ingress")):
        text = manifests.secret("hub")["values.yaml"]
        assert not any(secret in text for secret in ("stated-", "0011223344", "not-a-real-one"))


@pytest.mark.parametrize(
    ("values", "restarted"),
    [
        ("qhub: {name: Other, users: {ann: {}}}", set()),
        ("qhub: {profiles: {small: {memory: {limit: 1Gi}}}}", set()),
        ("jupyterhub: {singleuser: {networkPolicy: {enabled: false}}}", set()),
        ("jupyterhub: {hub: {extraConfig: {a: 'c.x = 1'}}}", {"hub"}),
        ("jupyterhub: {singleuser: {startTimeout: 99}}", {"hub"}),
        ("jupyterhub: {proxy: {secretToken: abc}}", {"hub", "proxy"}),
        ("jupyterhub: {proxy: {chp: {extraCommandLineFlags: [--log-level=warn]}}}", {"proxy"}),
    ],
)
def test_only_what_reads_a_value_at_its_start_is_restarted(render, values: str, restarted: set[str]) -> None:
    before, after = dict(render().pods()), dict(render(values=values).pods())
    assert {name for name in before if before[name] != after[name]} == restarted

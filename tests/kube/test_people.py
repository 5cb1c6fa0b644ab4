"""People sign in to a hub in the test process by its own pages, and start servers with their own rights."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from oauthenticator.generic import GenericOAuthenticator
from playwright.async_api import Page, async_playwright

from qhub_hub.testing.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from qhub_hub.testing.kube import FakeKube, Kubelet, ProcessKubelet
from qhub_hub.testing.kube.hub import Answer, KubeHub
from qhub_hub.testing.kube.people import NotSignedIn, SignedIn

StartHub = Callable[..., Awaitable[KubeHub]]
Login = Callable[..., Awaitable[SignedIn]]
Spawn = Callable[..., Awaitable[Answer]]

# oauthenticator (17.4) asks for the hub's address by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:Hub.server is deprecated")


@pytest.fixture
def by_provider(identity_provider: IdentityProvider) -> dict[str, dict[str, Any]]:
    """Configuration of a hub whose people, so far Ann, come from the provider."""
    identity_provider.add("ann")
    return {
        "JupyterHub": {"authenticator_class": GenericOAuthenticator},
        "GenericOAuthenticator": {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": f"{identity_provider.url}/authorize",
            "token_url": f"{identity_provider.url}/oauth/token",
            "userdata_url": f"{identity_provider.url}/userinfo",
            "username_claim": "preferred_username",
        },
    }


@pytest.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    """A page of headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        page.set_default_timeout(20_000)
        yield page
        await browser.close()


async def test_somebody_signs_in_by_the_form_and_reaches_their_server(
    hub: StartHub, login: Login, spawn: Spawn, fake_kube: FakeKube
) -> None:
    running = await hub()
    ann = await login(running, "ann")
    assert (await ann.api("GET", "/user")).body["name"] == "ann"
    assert (await spawn(ann)).status == 201
    assert (await ann.open("api")).json() == {"version": "stub"}
    assert [pod["metadata"]["name"] for pod in fake_kube.pods()] == ["jupyter-ann"]
    assert (await spawn(ann, server="second")).status == 201
    assert len(fake_kube.pods()) == 2


async def test_a_wrong_password_lets_nobody_in(hub: StartHub, login: Login) -> None:
    with pytest.raises(NotSignedIn) as refused:
        await login(await hub(), "ann", "a guess")
    assert refused.value.status == 403
    assert "Invalid username or password" in refused.value.page


async def test_somebody_has_no_rights_but_their_own(hub: StartHub, login: Login) -> None:
    running = await hub()
    await running.start("bob")
    ann = await login(running, "ann")
    assert (await ann.api("GET", "/users")).status == 403
    assert (await ann.api("DELETE", "/users/bob/server")).status == 404
    assert running.pod("bob") is not None


async def test_a_start_by_the_form_carries_its_fields_and_its_refusal(
    hub: StartHub, login: Login, spawn: Spawn, fake_kube: FakeKube
) -> None:
    profiles = [{"display_name": "Big", "slug": "big", "kubespawner_override": {"image": "example.org/big:1"}}]
    running = await hub(config={"KubeSpawner": {"profile_list": profiles}})
    ann = await login(running, "ann")
    assert (await spawn(ann, form={"profile": "big"})).status == 201
    (pod,) = fake_kube.pods()
    assert pod["spec"]["containers"][0]["image"] == "example.org/big:1"
    eve = await login(running, "eve")
    fake_kube.limit({"pods": 1})
    refused = await spawn(eve, form={"profile": "big"})
    assert refused.status >= 400
    assert len(fake_kube.pods()) == 1


async def test_the_provider_is_asked_by_real_redirects(
    hub: StartHub, login: Login, spawn: Spawn, by_provider: dict[str, Any]
) -> None:
    running = await hub(config=by_provider)
    ann = await login(running, "ann", "open sesame")
    assert (await spawn(ann)).status == 201
    with pytest.raises(NotSignedIn, match="That is not right"):
        await login(running, "eve", "open sesame")


@pytest.mark.browser
@pytest.mark.parametrize("way", ["form", "provider"])
async def test_a_browser_signs_in_and_shares_its_cookies(
    hub: StartHub, login: Login, page: Page, by_provider: dict[str, Any], way: str
) -> None:
    running = await hub(config=by_provider if way == "provider" else {})
    ann = await login(running, "ann", "open sesame" if way == "provider" else "ann", page=page)
    assert (await ann.spawn()).status == 201
    await page.goto(f"{running.url}user/ann/")
    assert "stub" in await page.content()
    await page.goto(f"{running.url}hub/home")
    await page.get_by_role("button", name="Stop My Server").wait_for()


class TestRealServers:
    """Pods as processes, whose websockets pass the proxy, too."""

    @pytest.fixture
    def kubelet(self, tmp_path: Any) -> Kubelet:
        return ProcessKubelet(tmp_path / "pods")

    async def test_a_server_that_asks_the_hub_who_is_there(self, hub: StartHub, login: Login, spawn: Spawn) -> None:
        running = await hub(config={"KubeSpawner": {"cmd": ["jupyterhub-singleuser"], "args": ["--allow-root"]}})
        ann = await login(running, "ann")
        assert (await spawn(ann)).status == 201
        page = await ann.open("api/status")
        assert page.status_code == 200, "the server sent Ann to the hub, and the hub sent her back"
        eve = await login(running, "eve")
        assert (await eve.http.get("user/ann/api/status")).status_code in (403, 404)
        prefix = f"{running.url}user/ann/"
        xsrf = next(each.value for each in ann.http.cookies.jar if each.name == "_xsrf" and "/user/" in each.path)
        made = await ann.http.post(f"{prefix}api/kernels", json={}, headers={"X-XSRFToken": xsrf or ""})
        assert made.status_code == 201, made.text
        cookies = "; ".join(f"{each.name}={each.value}" for each in ann.http.cookies.jar)
        url = f"{prefix}api/kernels/{made.json()['id']}/channels".replace("http", "ws", 1)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, headers={"Cookie": cookies, "Origin": running.url.rstrip("/")}) as socket,
        ):
            assert (await socket.receive_json(timeout=20))["msg_type"] == "status"

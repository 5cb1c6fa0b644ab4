"""Hubs that people sign in to through a provider, and people who do so, in Chromium or without one."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from qhub_hub.testing.identity_provider import CLIENT_ID, CLIENT_SECRET, Faults, IdentityProvider
from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import PATIENCE

TEAM = """
qhub:
  users: {{}}
  groups:
    gpu: {{}}
    /lab/Zürich: {{}}
    acme/gpu: {{}}
    data: {{members: [ann]}}
    boss: {{admin: true, sharedFolder: false}}
  profiles:
    small: {{displayName: Small, cpu: {{limit: 1}}, memory: {{limit: "2Gi"}}}}
    medium: null
    share: null
    gpu: {{displayName: Accelerated, cpu: {{limit: 1}}, memory: {{limit: "2Gi"}}, allowedGroups: [gpu, acme/gpu]}}
  signIn:
    provider: {provider}
    allow: everyone
    revocationSeconds: 12
    {provider}: {{{settings}, clientId: {client}, secretFile: {secret}}}
"""
HUB_CONFIG = """
jupyterhub:
  hub:
    config:
      Auth0SignIn:
        issuer: {url}
        jwks_url: {url}/.well-known/jwks.json
        authorize_url: {url}/authorize
        token_url: {url}/oauth/token
        userdata_url: {url}/userinfo
      GoogleSignIn:
        authorize_url: {url}/authorize
        token_url: {url}/oauth/token
        userdata_url: {url}/oauth2/v1/userinfo
        google_api_url: {url}
"""
SETTINGS = {
    "github": "url: {url}",
    "oidc": "issuer: {url}",
    "auth0": "domain: tenant.example.org",
    "google": "hostedDomains: [example.org], serviceAccountFiles: {{example.org: {key}}}, "
    "administrators: {{example.org: admin}}",
}


class Visitor(Person):
    """Somebody at the door, who signs in through the provider's page; with a `Person`'s ways afterwards."""

    def __init__(self, hub: RunningHub, name: str) -> None:
        self.name = name
        self._model = f"/users/{name}"
        self.http = httpx.Client(base_url=hub.address, timeout=60, follow_redirects=True)

    def knock(self, account: str | None = None) -> httpx.Response:
        """Sign in; returns the page that it ends on."""
        page = self.http.get("/hub/oauth_login")
        if "Sign in at the provider" not in page.text:
            return page
        self.answer = self.http.post(page.url, data={"name": account or self.name, "password": "open sesame"})
        return self.answer


def sentence(page: httpx.Response) -> str:
    """The text of an error page."""
    found = re.search(r'<main class="qh-message">(.*?)</main>', page.text, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found.group(1) if found else page.text)).split())


@pytest.fixture(scope="session")
def running_provider() -> Iterator[IdentityProvider]:
    """One provider for all tests of this folder, as hubs know its address."""
    running = IdentityProvider().start()
    yield running
    running.stop()


@pytest.fixture
def provider(running_provider: IdentityProvider) -> Iterator[IdentityProvider]:
    """The provider; what a test broke is mended after it."""
    yield running_provider
    running_provider.faults = Faults()
    running_provider.lifetime = 3600.0


@pytest.fixture(scope="module")
def hub_with(
    request: pytest.FixtureRequest,
    running_provider: IdentityProvider,
    qhub_up: Callable[..., RunningHub],
    open_folder: Path,
) -> Callable[[str], RunningHub]:
    """`hub_with("oidc")`: the hub whose sign-in is that provider."""
    hubs: dict[str, RunningHub] = {}
    url, module = running_provider.url, request.module.__name__.rpartition(".")[2]

    def up(kind: str) -> RunningHub:
        if kind not in hubs:
            secret = open_folder / "client-secret"
            secret.write_text(CLIENT_SECRET + "\n")
            key = running_provider.directory.write_key_file(open_folder / "service-account.json", url)
            settings = SETTINGS[kind].format(url=url, key=key)
            values = TEAM.format(provider=kind, settings=settings, client=CLIENT_ID, secret=secret)
            hubs[kind] = qhub_up(f"{kind}-{module}", values + HUB_CONFIG.format(url=url))
        return hubs[kind]

    return up


@pytest.fixture
def hub(hub_with: Callable[[str], RunningHub]) -> RunningHub:
    """A hub behind an OpenID Connect provider."""
    return hub_with("oidc")


@pytest.fixture
def visitor() -> Iterator[Callable[..., Visitor]]:
    """Make somebody who can sign in; forgotten after the test."""
    made: list[Visitor] = []

    def arrive(hub: RunningHub, name: str) -> Visitor:
        made.append(Visitor(hub, name))
        return made[-1]

    yield arrive
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A real headless Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser profile of its own."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()

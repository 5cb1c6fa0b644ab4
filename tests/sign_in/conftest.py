"""Hubs that people sign in to through a provider, and people who do so, in Chromium or without one."""

import html
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from qhub_hub.testing.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from qhub_hub.testing.one_machine import Person, RunningHub

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
"""
SETTINGS = {
    "github": "url: {url}",
    "oidc": "issuer: {url}",
    "auth0": "domain: tenant.example.org",
    "google": "hostedDomains: [example.org]",
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


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """One provider for the tests of a file."""
    running = IdentityProvider().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def hub_with(
    provider: IdentityProvider, qhub_up: Callable[..., RunningHub], open_folder: Path
) -> Iterator[Callable[[str], RunningHub]]:
    """`hub_with("oidc")`: the hub of a file whose sign-in is that provider."""
    hubs: dict[str, RunningHub] = {}

    def up(kind: str) -> RunningHub:
        if kind not in hubs:
            secret = open_folder / "client-secret"
            secret.write_text(CLIENT_SECRET + "\n")
            settings = SETTINGS[kind].format(url=provider.url)
            values = TEAM.format(provider=kind, settings=settings, client=CLIENT_ID, secret=secret)
            name = f"{kind}-{provider.url.rpartition(':')[2]}"
            hubs[kind] = qhub_up(name, values + HUB_CONFIG.format(url=provider.url))
        return hubs[kind]

    yield up
    for hub in hubs.values():
        hub.stop()


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
def browser() -> Iterator[Browser]:
    """A real headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser profile of its own."""
    context = browser.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()

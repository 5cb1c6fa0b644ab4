"""Every way to sign in, by a person in Chromium, from the hub's first page to a running server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from qhub_hub.testing.identity_provider import GROUPS_CLAIM, IdentityProvider
from qhub_hub.testing.one_machine import RunningHub
from tests.pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.root]


def through_the_provider(page: Page, hub: RunningHub, button: str, account: str) -> None:
    """From the hub's sign-in page over the provider's form to the cards."""
    page.goto(hub.address)
    page.get_by_role("button", name=re.compile(button)).click()
    page.get_by_label("Name").fill(account)
    page.get_by_label("Password").fill("open sesame")
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize(
    ("kind", "button"), [("github", "GitHub"), ("auth0", "Auth0"), ("oidc", "OpenID Connect"), ("google", "Google")]
)
def test_a_member_signs_in_and_starts_what_the_providers_group_opens(
    hub_with: Callable[..., RunningHub], provider: IdentityProvider, page: Page, kind: str, button: str
) -> None:
    provider.add("gina", *(["acme:gpu", "acme:other"] if kind == "github" else ["gpu"]))
    hub = hub_with(kind)
    through_the_provider(page, hub, button, "gina")
    expect(page.get_by_role("radio", name=re.compile("Accelerated"))).to_be_enabled()
    page.get_by_role("radio", name=re.compile("Accelerated")).check(force=True)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/user/gina[^/]*/lab"))


def test_auth0_needs_a_verified_address(
    hub_with: Callable[..., RunningHub], provider: IdentityProvider, page: Page
) -> None:
    provider.add("una", email_verified=False, **{GROUPS_CLAIM: []})
    through_the_provider(page, hub_with("auth0"), "Auth0", "una")
    expect(page.get_by_text("Your e-mail address is not verified at Auth0")).to_be_visible()


def test_google_keeps_accounts_of_other_domains_out(
    hub_with: Callable[..., RunningHub], provider: IdentityProvider, page: Page
) -> None:
    provider.add("gus")
    hub = hub_with("google")
    through_the_provider(page, hub, "Google", "gus")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.context.clear_cookies()
    provider.add("out", hd="elsewhere.example")
    through_the_provider(page, hub, "Google", "out")
    expect(page.get_by_text("Only accounts of example.org may sign in here")).to_be_visible()


def test_native_people_sign_up_and_wait_for_an_administrator(qhub_up: Callable[..., RunningHub], page: Page) -> None:
    hub = qhub_up("native", "qhub: {signIn: {provider: native, allow: everyone}}")
    password = "a long enough secret 17"

    def sign_in(name: str, secret: str) -> None:
        page.context.clear_cookies()
        page.goto(f"{hub.address}/hub/login")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(secret)
        page.get_by_role("button", name="Sign in").click()

    def sign_up(name: str) -> None:
        page.context.clear_cookies()
        page.goto(f"{hub.address}/hub/signup")
        page.locator("#username_input").fill(name)
        page.locator("#password_input").fill(password)
        page.locator("#password_confirmation_input").fill(password)
        page.locator("#signup_submit").click()

    sign_up("admin")
    expect(page.locator(".alert-danger[role=alert]")).to_be_visible()
    sign_up("nina")
    expect(page.get_by_text("has been sent to the admin")).to_be_visible()
    sign_in("nina", password)
    expect(page.get_by_role("button", name="Start")).not_to_be_visible()

    sign_in("admin", (hub.state / "secrets" / "admin-password").read_text().strip())
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.goto(f"{hub.address}/hub/authorize")
    page.get_by_role("row", name=re.compile("nina")).get_by_role("button", name="Authorize").click()
    sign_in("nina", password)
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_the_shared_password_lets_listed_people_in_and_tells_others_why_not(
    qhub_up: Callable[..., RunningHub], page: Page
) -> None:
    hub = qhub_up("shared", "qhub: {users: {ann: {}, bob: {}}, signIn: {blocked: [bob]}}")

    sign_in(page, hub, "carl")
    expect(page.get_by_text("carl is not among the people who may sign in here")).to_be_visible()
    sign_in(page, hub, "bob")
    expect(page.get_by_text("bob may not sign in here at the moment")).to_be_visible()
    sign_in(page, hub, "ann")
    expect(page.get_by_role("button", name="Start")).to_be_visible()

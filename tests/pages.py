"""What people do in a browser, whatever page it is that a test is about."""

from typing import Protocol

from playwright.sync_api import Page


class Hub(Protocol):
    """Wherever people sign in."""

    @property
    def address(self) -> str:
        """Where people go."""

    def password(self, name: str) -> str:
        """What somebody types."""


def sign_in(page: Page, hub: Hub, name: str, then: str = "/hub/") -> None:
    """Type name and password into the hub's own form.

    Args:
        then: page to come to.
    """
    page.goto(f"{hub.address}/hub/login?next={then}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(hub.password(name))
    page.get_by_role("button", name="Sign in").click()

"""What people do in a browser, whatever page it is that a test is about."""

import re
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from qhub_hub.testing.waiting import eventually

_NOT_RUN = re.compile(r"^\[ ?\]:$")
_TAKEN_UP = 15_000  # milliseconds


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


def run_cell(cell: Locator, keys: str = "Control+Enter") -> None:
    """Run a cell of a notebook. As a person does, the keys are pressed again where JupyterLab was not ready for them.

    Args:
        keys: what is pressed in it.
    """

    def begun() -> bool:
        cell.locator(".cm-content").click()
        cell.page.keyboard.press(keys)
        try:
            expect(cell.locator(".jp-InputPrompt")).not_to_have_text(_NOT_RUN, timeout=_TAKEN_UP)
        except AssertionError:
            return False
        return True

    eventually(begun, what="the cell does not run")

"""Pages and JSON that QHub adds to the hub."""

from collections.abc import Callable, Sequence
from typing import Any, overload

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope

from qhub_hub.hub.site import Site


class StatusHandler(APIHandler):  # type: ignore[misc]
    """`GET /hub/api/qhub/status`: whether the values file in force is the one on disk, and what else is not well."""

    @needs_scope("admin-ui")
    def get(self) -> None:
        """Answer with JSON; status 503 while the file on disk is broken, so that a monitor needs no parser."""
        site: Site = self.settings["qhub"]
        problems = list(site.problems)
        self.set_status(503 if problems else 200)
        self.write(
            {
                "values": {
                    "ok": not problems,
                    "problems": problems,
                    "restart_needed": site.live.restart_needed,
                },
                "warnings": list(site.warnings),
                "notices": list(site.machine.notices),
            }
        )


def handlers() -> Sequence[tuple[Any, ...]]:
    """For `JupyterHub.extra_handlers`."""
    return ((r"/api/qhub/status", StatusHandler),)


class Live(Sequence[str]):
    """Sentences for templates, looked up when a page is made.

    Args:
        look: gives the sentences of the moment.
    """

    def __init__(self, look: Callable[[], Sequence[str]]) -> None:
        self._look = look

    def __deepcopy__(self, memo: Any) -> "Live":
        return self  # traitlets copies configuration values; what is looked at stays the same

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._look()[index]

    def __len__(self) -> int:
        return len(self._look())


def template_variables(site: Site, login_hint: str) -> dict[str, Any]:
    """What QHub's templates ask for beyond JupyterHub's own variables.

    Args:
        login_hint: a sentence on the sign-in page.
    """
    return {
        "site_name": site.config.name,
        "config_problems": Live(lambda: site.problems),
        "notices": site.machine.notices,
        "login_hint": login_hint,
    }

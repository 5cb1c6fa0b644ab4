"""Pages and JSON that QHub adds to the hub."""

from collections.abc import Sequence
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope

from qhub_hub.hub.running import running_servers
from qhub_hub.hub.site import Site


class StatusHandler(APIHandler):  # type: ignore[misc]
    """`GET /hub/api/qhub/status`: whether the values file in force is the one on disk, and what else is not well."""

    @needs_scope("admin-ui")  # type: ignore[untyped-decorator]  # JupyterHub is not typed
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
                "notices": list(site.notices),
            }
        )


def handlers() -> Sequence[tuple[Any, ...]]:
    """For `JupyterHub.extra_handlers`."""
    return ((r"/api/qhub/status", StatusHandler),)


def template_variables(site: Site, login_hint: str) -> dict[str, Any]:
    """What QHub's templates ask for beyond JupyterHub's own variables.

    Args:
        login_hint: a sentence on the sign-in page.
    """
    return {
        "site_name": site.config.name,
        # Functions are called with whoever looks at the page (JupyterHub's `template_vars`).
        "config_problems": lambda user: site.problems if user and user.admin else (),
        "running": lambda user: running_servers(user.settings["users"]) if user and user.admin else (),
        "notices": site.notices,
        "login_hint": login_hint,
    }

"""What services of the hub (Dask-Gateway, conda-store) may ask its API about people."""

from collections.abc import Mapping
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from tornado.web import HTTPError

from qhub_hub.hub.planned import hub_groups
from qhub_hub.hub.site import Site
from qhub_hub.sessions import Rejected


class ServiceHandler(APIHandler):  # type: ignore[misc]  # JupyterHub is not typed
    """A page of the API for services only."""

    scope = ""
    """Custom scope that whoever asks must have."""

    async def prepare(self) -> None:
        """Refuse whoever is no such service."""
        await super().prepare()
        # `needs_scope` can't name a custom scope: it is checked when this file is imported, and they are made later.
        if self.scope not in self.expanded_scopes:
            raise HTTPError(403, f"This needs the scope {self.scope}, which only a service of QHub's has.")


class PersonHandler(ServiceHandler):
    """A page of the API that tells something of one person."""

    async def get(self, name: str) -> None:
        """Answer with JSON; 404 or 403 with `known: false` for whom the hub lets in no more."""
        user = self.find_user(name)
        if user is None:
            return self._unknown(404)
        refusal = getattr(self.authenticator, "refusal", None)
        if refusal is not None and refusal(user.name, hub_groups(user)):
            return self._unknown(403)
        try:
            answer = await self.told(self.settings["qhub"], user)
        except Rejected as rejected:
            raise HTTPError(503, rejected.message) from None
        self.write(answer)

    async def told(self, site: Site, user: Any) -> Mapping[str, Any]:
        """The answer about somebody, as plain JSON values.

        Raises:
            Rejected: it can't be told now.
        """
        raise NotImplementedError

    def _unknown(self, status: int) -> None:
        self.set_status(status)
        self.write({"known": False})


def open_to_users(roles: Any, access: str) -> list[dict[str, Any]]:
    """Let everybody use a service: add its access to the role that every user of the hub has.

    Args:
        roles: `JupyterHub.load_roles`, as a list or as what traitlets keeps of appended ones.
        access: scope of the service.
    """
    known = list(roles if isinstance(roles, list) else roles.get_value([]))
    standard = {"name": "user", "description": "Standard user privileges", "scopes": ["self"]}
    own = next((role for role in known if role.get("name") == "user"), standard)
    others = [role for role in known if role.get("name") != "user"]
    return [*others, {**own, "scopes": [*own.get("scopes", ()), access]}]

"""The default on one machine: JupyterHub's shared password; the values file says who may come and who is admin."""

from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado import web

from qhub_hub.config.names import InvalidName
from qhub_hub.hub.site import Site
from qhub_hub.identity import posix_name


class OneMachineAuthenticator(SharedPasswordAuthenticator):  # type: ignore[misc]
    """One password for everybody and another for administrators.

    Where the values file names people (as users or as members of groups), only they may sign in; where it names
    nobody, any legal name may. Both follow the file while the hub runs.
    """

    @property
    def site(self) -> Site:
        """The hub's site."""
        return self.parent.tornado_settings["qhub"]  # type: ignore[no-any-return]

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """See `SharedPasswordAuthenticator.authenticate`."""
        self.admin_users = set(self.site.admins)
        authenticated = await super().authenticate(handler, data)
        if authenticated is not None:
            # Only who knew the password learns why a name is refused.
            try:
                posix_name(authenticated["name"])
            except InvalidName as error:
                raise web.HTTPError(403, str(error)) from None
        return authenticated

    def validate_username(self, username: str) -> bool:
        """Whether a user of this name may exist: also asked when an administrator adds people."""
        try:
            posix_name(username)
        except InvalidName:
            return False
        return bool(super().validate_username(username))

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        """Whether the values file lets this person in."""
        return self.site.may_sign_in(username)

"""The default: JupyterHub's shared password; the values file says who may come and who is admin."""

from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.admission import Admission
from qhub_hub.hub.sign_in.refusals import NotAdmitted
from qhub_hub.hub.site import Site


class SharedPasswordSignIn(Admission, SharedPasswordAuthenticator):  # type: ignore[misc]
    """One password for everybody and another for administrators.

    Where the values file names people (as users or as members of groups), only they may sign in; where it names
    nobody, any legal name may. Both follow the file while the hub runs.
    """

    def is_administrator(self, name: str, groups: frozenset[str]) -> bool:
        """See `Admission.is_administrator`; where the values file names no administrator, there is a default one."""
        return name in self.site.admins

    def refusal(self, name: str, groups: frozenset[str]) -> str:
        """See `Admission.refusal`."""
        blocked = name in self.site.config.sign_in.blocked
        return "" if name in self.site.admins and not blocked else super().refusal(name, groups)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """See `SharedPasswordAuthenticator.authenticate`."""
        if not data["password"].isascii():
            return None  # ours are; and the comparison of JupyterHub 6.1 fails on others
        self.admin_users = set(self.site.admins)
        authenticated = await super().authenticate(handler, data)
        if authenticated is not None:
            # Only who knew the password learns why a name is refused.
            try:
                self.admit(authenticated["name"])
            except NotAdmitted as refused:
                raise refused.http() from None
        return authenticated


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Two passwords that were made for this hub. Where nobody made any, nothing is set."""
    if deployment is None:
        return
    c.JupyterHub.authenticator_class = SharedPasswordSignIn
    c.SharedPasswordAuthenticator.user_password = deployment.secrets.password
    c.SharedPasswordAuthenticator.admin_password = deployment.secrets.admin_password
    # Known already when the hub decides who is an administrator at its start; later changes are followed live.
    c.Authenticator.admin_users = set(site.admins)

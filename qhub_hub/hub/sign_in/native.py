"""Accounts of this hub itself: people sign up, an administrator approves."""

from typing import Any

import bcrypt
from jupyterhub.handlers.login import LoginHandler
from markupsafe import Markup
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from traitlets import Unicode

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.admission import Admission
from qhub_hub.hub.site import Site


class NativeSignIn(Admission, NativeAuthenticator):  # type: ignore[misc]
    """Nobody becomes an administrator by signing up first under an administrator's name."""

    admin_password = Unicode(config=True, help="The first password of administrators; empty: they can't sign in.")

    def is_administrator(self, name: str, groups: frozenset[str]) -> bool:
        """See `Admission.is_administrator`; where the file names none, the one who has the generated password."""
        return name in self.site.admins if self.admin_password else super().is_administrator(name, groups)

    def refusal(self, name: str, groups: frozenset[str]) -> str:
        """See `Admission.refusal`."""
        blocked = name in self.site.config.sign_in.blocked
        return "" if self.is_administrator(name, groups) and not blocked else super().refusal(name, groups)

    def get_handlers(self, app: Any) -> list[tuple[str, Any]]:
        """See `NativeAuthenticator.get_handlers`.

        Its own sign-in page asks for `statsd`, which JupyterHub 6 no longer has (nativeauthenticator 1.3.0).
        """
        others = [entry for entry in super().get_handlers(app) if entry[0] != "/login"]
        return [("/login", LoginHandler), *others]

    def create_user(self, username: str, password: str, **kwargs: Any) -> Any:
        """See `NativeAuthenticator.create_user`; administrators have their account already."""
        if self.is_administrator(self.normalize_username(username), frozenset()):
            return None
        return super().create_user(username, password, **kwargs)

    def get_user(self, username: str) -> Any:
        """See `NativeAuthenticator.get_user`; an administrator's account is made when first asked for."""
        found = super().get_user(username)
        name = self.normalize_username(username)
        if found is None and self.admin_password and self.is_administrator(name, frozenset()):
            # With the generated password and not one that somebody signs up with.
            secret = bcrypt.hashpw(self.admin_password.encode(), bcrypt.gensalt())
            found = UserInfo(username=name, password=secret, is_authorized=True)
            self.db.add(found)
            self.db.commit()
        return found


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Sign up and sign in on this hub."""
    settings = rule.native
    c.JupyterHub.authenticator_class = NativeSignIn
    c.NativeAuthenticator.enable_signup = True
    c.NativeAuthenticator.open_signup = settings.open_signup
    c.NativeAuthenticator.minimum_password_length = settings.minimum_password_length
    c.NativeAuthenticator.check_common_password = True
    c.NativeAuthenticator.allowed_failed_logins = settings.failed_attempts
    c.JupyterHub.template_vars.update({"login_hint": Markup('New here? <a href="signup">Sign up</a>.')})
    if deployment is not None:
        c.NativeSignIn.admin_password = deployment.secrets.admin_password

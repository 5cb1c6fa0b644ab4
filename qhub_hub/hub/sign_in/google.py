"""Google: accounts of Workspace domains; groups come from the directory, by a service account."""

from functools import cached_property
from typing import Any

from oauthenticator.google import GoogleOAuthenticator

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.claims import group_list
from qhub_hub.hub.sign_in.client import configure_oauth
from qhub_hub.hub.sign_in.google_directory import Directory, service_account
from qhub_hub.hub.sign_in.oauth import OAuthSignIn
from qhub_hub.hub.sign_in.refusals import BadAnswer, NotAdmitted
from qhub_hub.hub.site import Site


class GoogleSignIn(OAuthSignIn, GoogleOAuthenticator):  # type: ignore[misc]
    """Google, with the local part of a group's address as its name."""

    def user_info_to_username(self, user_info: Any) -> str:
        """See `GoogleOAuthenticator.user_info_to_username`; checked at every refresh too."""
        if not isinstance(user_info, dict) or user_info.get("verified_email") is not True:
            raise BadAnswer("Your e-mail address is not verified at Google. Verify it there, then sign in again.")
        if self.hosted_domain and user_info.get("hd") not in self.hosted_domain:
            raise NotAdmitted(
                f"Only accounts of {', '.join(self.hosted_domain)} may sign in here. Choose another account at Google."
            )
        return super().user_info_to_username(user_info)

    async def update_auth_model(self, auth_model: dict[str, Any]) -> dict[str, Any]:
        """See `GoogleOAuthenticator.update_auth_model`.

        That one reads groups only for its own rules (oauthenticator 17.4), so they are read here.
        """
        updated: dict[str, Any] = await super().update_auth_model(auth_model)
        person = updated["auth_state"]["google_user"]
        if person["domain"] in self.google_service_account_keys:
            person["google_groups"] = await self.directory.groups(person["email"], person["domain"])
        return updated

    @cached_property
    def directory(self) -> Directory:
        """Whom groups are asked of."""
        return Directory(
            self.google_service_account_keys, self.gsuite_administrator, self.google_api_url, self.httpfetch
        )


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Sign in with Google.

    Raises:
        SettingsError: the secret is missing, or a key file can't be used.
    """
    configure_oauth(c, rule, deployment)
    settings = rule.google
    c.JupyterHub.authenticator_class = GoogleSignIn
    c.GoogleOAuthenticator.hosted_domain = list(settings.hosted_domains)
    # Without it Google gives no refresh token, and rights could be checked for an hour only.
    c.OAuthenticator.extra_authorize_params = {"access_type": "offline", "prompt": "consent"}
    reads_groups = bool(settings.service_account_files) and rule.groups != "values"
    if reads_groups:
        for path in settings.service_account_files.values():
            service_account(path)  # while somebody is there who can mend it
        c.GoogleOAuthenticator.google_service_account_keys = dict(settings.service_account_files)
        c.GoogleOAuthenticator.gsuite_administrator = dict(settings.administrators)
    c.OAuthenticator.auth_state_groups_key = (
        (lambda state: group_list(state["google_user"].get("google_groups"), "the list of your groups"))
        if reads_groups
        else (lambda state: frozenset())
    )

"""GitHub: teams become groups."""

from typing import Any

from oauthenticator.github import GitHubOAuthenticator
from tornado.httpclient import HTTPClientError

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.claims import group_list
from qhub_hub.hub.sign_in.client import configure_oauth, require_safe
from qhub_hub.hub.sign_in.oauth import OAuthSignIn, is_outage
from qhub_hub.hub.sign_in.refusals import BadAnswer
from qhub_hub.hub.site import Site


class GitHubSignIn(OAuthSignIn, GitHubOAuthenticator):  # type: ignore[misc]
    """GitHub, with the team `acme:gpu` as the group `acme/gpu`."""

    def group_name(self, raw: str) -> str:
        """See `Admission.group_name`; a colon would end a field of `/etc/group`."""
        return raw.replace(":", "/", 1)

    async def _paginated_fetch(self, api_url: str, access_token: str, token_type: str) -> Any:
        try:
            return await super()._paginated_fetch(api_url, access_token, token_type)
        except HTTPClientError as error:
            # 401: the token is no longer good, which `renew` deals with.
            if error.code == 401 or is_outage(error):
                raise
            raise BadAnswer(
                "GitHub does not show your teams. The sign-in needs the scope read:org, and an owner of the "
                "organization must have approved this application."
            ) from error


def teams_of(auth_state: dict[str, Any]) -> frozenset[str]:
    """`org:team` of every team, as addresses on GitHub have them.

    Raises:
        BadAnswer: the teams are missing or not a list of teams.
    """
    teams = auth_state.get("teams")
    try:
        found: object = [f"{team['organization']['login']}:{team['slug']}" for team in teams] if teams else teams
    except (TypeError, KeyError):
        found = None
    return group_list(found, "the list of your teams")


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Sign in with GitHub.

    Raises:
        SettingsError: the secret is missing, or the address is not safe.
    """
    configure_oauth(c, rule, deployment)
    c.JupyterHub.authenticator_class = GitHubSignIn
    c.GitHubOAuthenticator.github_url = require_safe(rule.github.url, "signIn.github.url")
    c.OAuthenticator.scope = list(rule.github.scopes)
    reads_teams = rule.groups != "values"
    c.GitHubOAuthenticator.populate_teams_in_auth_state = reads_teams
    c.OAuthenticator.auth_state_groups_key = teams_of if reads_teams else (lambda state: frozenset())

"""Auth0: groups come in a claim whose name is a URL, which an action of the tenant adds."""

from typing import Any

from oauthenticator.auth0 import Auth0OAuthenticator

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.claims import claim_reader
from qhub_hub.hub.sign_in.client import configure_oauth
from qhub_hub.hub.sign_in.openid import OpenIdSignIn
from qhub_hub.hub.site import Site


class Auth0SignIn(OpenIdSignIn, Auth0OAuthenticator):  # type: ignore[misc]
    """Auth0, with ID tokens checked."""


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Sign in with Auth0.

    Raises:
        SettingsError: the secret is missing.
    """
    configure_oauth(c, rule, deployment)
    settings = rule.auth0
    c.JupyterHub.authenticator_class = Auth0SignIn
    c.Auth0OAuthenticator.auth0_domain = settings.domain
    c.OAuthenticator.username_claim = settings.username_claim
    c.OAuthenticator.scope = list(settings.scopes)
    c.OAuthenticator.auth_state_groups_key = claim_reader("auth0_user", rule, settings.groups_claim)
    # Where every tenant has them (auth0.com/docs, JSON Web Key Sets).
    c.OpenIdSignIn.issuer = f"https://{settings.domain}/"
    c.OpenIdSignIn.jwks_url = f"https://{settings.domain}/.well-known/jwks.json"

"""Any OpenID Connect provider."""

from typing import Any

from oauthenticator.generic import GenericOAuthenticator

from qhub_hub.config.models.sign_in import SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.claims import claim_reader
from qhub_hub.hub.sign_in.client import configure_oauth, require_safe
from qhub_hub.hub.sign_in.openid import OpenIdSignIn
from qhub_hub.hub.site import Site


class OidcSignIn(OpenIdSignIn, GenericOAuthenticator):  # type: ignore[misc]
    """OpenID Connect, discovered or by stated addresses."""


def configure(c: Any, rule: SignIn, site: Site, deployment: Deployment | None) -> None:
    """Sign in with any OpenID Connect provider.

    Raises:
        SettingsError: the secret is missing, or an address is not safe.
    """
    configure_oauth(c, rule, deployment)
    settings = rule.oidc
    c.JupyterHub.authenticator_class = OidcSignIn
    c.OAuthenticator.login_service = settings.title
    c.OAuthenticator.username_claim = settings.username_claim
    c.OAuthenticator.scope = list(settings.scopes)
    c.OAuthenticator.auth_state_groups_key = claim_reader("oauth_user", rule, settings.groups_claim)
    require_safe(settings.issuer, "signIn.oidc.issuer")
    c.OpenIdSignIn.issuer = settings.issuer
    if settings.token_url:
        c.OAuthenticator.authorize_url = require_safe(settings.authorize_url, "signIn.oidc.authorizeUrl")
        c.OAuthenticator.token_url = require_safe(settings.token_url, "signIn.oidc.tokenUrl")
        c.OAuthenticator.userdata_url = require_safe(settings.userinfo_url, "signIn.oidc.userinfoUrl")
        c.OpenIdSignIn.jwks_url = require_safe(settings.jwks_url, "signIn.oidc.jwksUrl")

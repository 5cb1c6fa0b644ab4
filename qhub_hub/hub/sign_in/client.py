"""QHub's own identity at a provider: client id, secret, and addresses that tokens may travel to."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from qhub_hub.config.models.sign_in import Client, SignIn
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.sign_in.refusals import SettingsError

_HERE = ("127.0.0.1", "localhost", "::1")


def client_secret(client: Client) -> str:
    """The client secret, from the first place that has one.

    Raises:
        SettingsError: there is none, or its file can't be read.
    """
    if client.secret_file:
        try:
            secret = Path(client.secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"The client secret can't be read from {client.secret_file} ({type(error).__name__}). "
                "Put the secret there, readable by the hub, or correct secretFile."
            ) from None
    elif client.client_secret is not None:
        secret = client.client_secret.get_secret_value()
    else:
        secret = os.environ.get(client.secret_variable, "").strip()
    if not secret:
        raise SettingsError(
            "The sign-in provider's client secret is missing. State secretFile, or set the environment variable "
            f"{client.secret_variable} for the hub."
        )
    return secret


def require_safe(url: str, what: str) -> str:
    """An address that secrets may be sent to, without a slash at its end.

    Raises:
        SettingsError: neither https nor on this machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return url.rstrip("/")
    raise SettingsError(
        f"{what} must begin with https://, as passwords and tokens travel to it; found {url or 'nothing'}."
    )


def configure_oauth(c: Any, rule: SignIn, deployment: Deployment | None) -> None:
    """Set what all OAuth providers have in common.

    On the classes that are common too, so that an administrator's `hub.config` for any of them wins.
    """
    client = rule.client
    if client is None:
        raise SettingsError(f"The provider {rule.provider} has no client settings.")
    c.Authenticator.enable_auth_state = True
    c.Authenticator.manage_groups = True
    c.Authenticator.auth_refresh_age = rule.refresh_seconds
    c.Authenticator.auth_refresh_strict = True
    # Done by `OAuthSignIn.pre_spawn_start` instead, where a refusal can be a sentence.
    c.Authenticator.refresh_pre_spawn = False
    if deployment is not None:
        c.CryptKeeper.keys = list(deployment.secrets.crypt)
    c.OAuthenticator.client_id = client.client_id
    c.OAuthenticator.client_secret = client_secret(client)
    # A provider that hangs must not hang the hub's pages.
    c.OAuthenticator.http_request_kwargs = {"connect_timeout": 5.0, "request_timeout": 10.0}
    address = deployment.address if deployment is not None else ""
    callback = client.callback_url or (f"{address}/hub/oauth_callback" if address else "")
    if callback:
        c.OAuthenticator.oauth_callback_url = callback

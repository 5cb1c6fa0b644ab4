"""What OpenID Connect adds to OAuth: discovery, ID tokens that are checked, and addresses that must be verified."""

import time
from collections.abc import Mapping
from typing import Any

from oauthenticator.oauth2 import OAuthenticator, OAuthLoginHandler
from traitlets import Unicode

from qhub_hub.hub.sign_in.client import require_safe
from qhub_hub.hub.sign_in.id_tokens import UnknownKey, verified_subject
from qhub_hub.hub.sign_in.oauth import OAuthSignIn
from qhub_hub.hub.sign_in.refusals import BadAnswer, SettingsError, SignInRefused, Unusable

KEYS_AGAIN_AFTER = 30.0  # seconds; a flood of tokens with made-up keys must not become a flood of requests
_ENDPOINTS = {
    "authorize_url": "authorization_endpoint",
    "token_url": "token_endpoint",
    "userdata_url": "userinfo_endpoint",
    "jwks_url": "jwks_uri",
}


class LoginHandler(OAuthLoginHandler):  # type: ignore[misc]
    """Sends people to the provider, once it is known where that is."""

    async def get(self) -> None:
        """See `OAuthLoginHandler.get`."""
        try:
            await self.authenticator.discover()
        except SignInRefused as refused:
            raise refused.http() from None
        super().get()


class OpenIdSignIn(OAuthSignIn, OAuthenticator):  # type: ignore[misc]
    """Put before an authenticator of oauthenticator, or used through a subclass."""

    login_handler = LoginHandler

    issuer = Unicode(config=True, help="The provider's address as its ID tokens state it.")
    jwks_url = Unicode(config=True, help="Where the keys are that ID tokens are signed with; empty: discovered.")

    _keys: Mapping[str, Any] | None = None
    _keys_since = float("-inf")

    async def discover(self) -> None:
        """Learn the addresses that are not stated, from the provider itself, once.

        Not when the hub starts: it must start while the provider is down.

        Raises:
            SignInRefused: the provider does not answer, or answers nonsense.
        """
        missing = [name for name in _ENDPOINTS if not getattr(self, name)]
        if not missing:
            return
        with self._own_words():
            found = await self.httpfetch(
                f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", "discovering the sign-in provider"
            )
            if str(found["issuer"]).rstrip("/") != self.issuer.rstrip("/"):
                self.log.error("The discovery document names the issuer %r", found["issuer"])
                raise BadAnswer(
                    f"{self.login_service} calls itself by another address than {self.issuer}. "
                    "An administrator has to correct issuer."
                )
            try:
                urls = {name: require_safe(str(found[_ENDPOINTS[name]]), _ENDPOINTS[name]) for name in missing}
            except SettingsError as error:
                self.log.error("%s", error)
                raise Unusable(
                    f"{self.login_service} can't be used safely. An administrator finds why in the log."
                ) from None
        self.issuer = str(found["issuer"])
        for name, url in urls.items():
            setattr(self, name, url)

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> dict[str, Any]:
        """See `OAuthenticator.get_token_info`; an ID token that comes along is checked."""
        await self.discover()
        token = await super().get_token_info(handler, params)
        # Refreshed tokens may come without one (OpenID Connect Core, 12.2); at sign-in it must be there.
        if "id_token" in token or params.get("grant_type") != "refresh_token":
            token["subject"] = await self._subject(token.get("id_token"))
        return token

    async def _subject(self, id_token: object) -> str:
        for again in (False, True):
            keys = await self._known_keys(again)
            try:
                return verified_subject(id_token, keys, issuer=self.issuer, client_id=self.client_id)
            except UnknownKey:
                continue
        raise BadAnswer(
            "The sign-in was refused, because the provider's ID token is not valid: it is signed with an unknown key. "
            "Start again from the sign-in page; if that does not help, tell an administrator."
        )

    async def _known_keys(self, again: bool) -> Mapping[str, Any]:
        old = time.monotonic() - self._keys_since > KEYS_AGAIN_AFTER
        if self._keys is None or (again and old):
            self._keys = await self.httpfetch(self.jwks_url, "fetching the keys of the sign-in provider")
            self._keys_since = time.monotonic()
        return self._keys if isinstance(self._keys, Mapping) else {}

    async def token_to_user(self, token_info: dict[str, Any]) -> Any:
        """See `OAuthenticator.token_to_user`; the claims must be about the person of the ID token."""
        await self.discover()
        found = await super().token_to_user(token_info)
        subject = token_info.get("subject")
        if subject and (not isinstance(found, dict) or found.get("sub") != subject):
            raise BadAnswer(f"{self.login_service} answered about somebody else. Start again from the sign-in page.")
        return found

    def user_info_to_username(self, user_info: Any) -> str:
        """See `OAuthenticator.user_info_to_username`; an address that nobody verified is nobody's name."""
        name = super().user_info_to_username(user_info)
        if self.username_claim == "email" and user_info.get("email_verified") is not True:
            raise BadAnswer(
                f"Your e-mail address is not verified at {self.login_service}, so it can't be your name here. "
                "Verify it there, then sign in again."
            )
        return str(name)

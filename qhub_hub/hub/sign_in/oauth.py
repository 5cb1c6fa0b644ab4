"""What every OAuth provider needs beyond oauthenticator: sentences, strict groups, and asking again."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from jupyterhub.roles import assign_default_roles
from jupyterhub.spawner import SpawnException
from oauthenticator.oauth2 import OAuthCallbackHandler
from tornado import web
from tornado.httpclient import HTTPClientError

from qhub_hub.hub.sign_in.admission import Admission
from qhub_hub.hub.sign_in.refusals import (
    BadAnswer,
    Expired,
    ProviderUnavailable,
    SignedOut,
    SignInRefused,
    Unusable,
)


class CallbackHandler(OAuthCallbackHandler):  # type: ignore[misc]
    """Where the provider sends people back; repeats nothing on our page that the address says."""

    def check_error(self) -> None:
        """See `OAuthCallbackHandler.check_error`."""
        if error := self.get_argument("error", ""):
            self.log.warning("The sign-in provider answered with the error %r", error[:100])
            word = "You did not permit it there" if error == "access_denied" else "It did not say why"
            provider = self.authenticator.login_service
            raise SignedOut(f"{provider} did not sign you in. {word}. Start again from the sign-in page.").http()

    async def get(self) -> None:
        """Sign in, or say why not."""
        try:
            await super().get()
        except SignInRefused as refused:
            self.log.warning("Sign-in refused: %s", refused.message)
            raise refused.http() from None


class OAuthSignIn(Admission):
    """Put before an authenticator of oauthenticator (17.4)."""

    callback_handler = CallbackHandler

    # Of the authenticator that this is mixed into.
    log: Any
    login_service: str
    admin_users: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.confirmed: dict[str, float] = {}
        """By user name: when the provider last vouched for somebody, on the monotonic clock."""
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> Any:
        """See `OAuthenticator.authenticate`.

        Raises:
            SignInRefused: with a sentence, whatever went wrong.
        """
        with self._own_words():
            model: dict[str, Any] = await super().authenticate(handler, data, **kwargs)  # type: ignore[misc]
        self.admit(model["name"], frozenset(model.get("groups") or ()))
        self.confirmed[model["name"]] = time.monotonic()
        return model

    @contextmanager
    def _own_words(self) -> Iterator[None]:
        """Turn what oauthenticator and the provider say into sentences; theirs go to the log, and hold tokens."""
        try:
            yield
        except SignInRefused:
            raise
        except HTTPClientError as error:
            if is_outage(error):
                raise self._unavailable() from error
            raise SignedOut(
                f"{self.login_service} did not accept this sign-in. Start again from the sign-in page; "
                "if that does not help, an administrator should look at the hub's log."
            ) from error
        except (OSError, TimeoutError) as error:
            raise self._unavailable() from error
        except (web.HTTPError, ValueError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            self.log.error("The answer of %s can't be used: %s", self.login_service, type(error).__name__)
            raise Unusable(
                f"{self.login_service} gave an answer that can't be used. "
                "Start again from the sign-in page; if that does not help, tell an administrator."
            ) from None

    def _unavailable(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"{self.login_service} does not answer, so it can't be checked who you are and what you may use. "
            "Try again in a minute."
        )

    async def get_token_info(self, handler: Any, params: dict[str, Any]) -> dict[str, Any]:
        """See `OAuthenticator.get_token_info`; notes when the tokens were given."""
        token: dict[str, Any] = await super().get_token_info(handler, params)  # type: ignore[misc]
        return {**token, "obtained_at": time.time()}

    def user_info_to_username(self, user_info: Any) -> str:
        """See `OAuthenticator.user_info_to_username`."""
        claim = getattr(self, "username_claim", "")
        if not callable(claim) and not (
            isinstance(user_info, dict) and isinstance(user_info.get(claim), str) and user_info[claim]
        ):
            raise BadAnswer(
                f"{self.login_service} does not say what you are called: its answer has no name under {claim}. "
                "An administrator has to set it up there, or to correct usernameClaim."
            )
        return str(super().user_info_to_username(user_info))  # type: ignore[misc]

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """See `OAuthenticator.get_user_groups`: ours, by our names."""
        return set(self.our_groups(await super().get_user_groups(auth_state)))  # type: ignore[misc]

    async def _token_to_auth_model(self, token_info: dict[str, Any]) -> dict[str, Any]:
        model: dict[str, Any] = await super()._token_to_auth_model(token_info)  # type: ignore[misc]
        model["admin"] = self.is_administrator(model["name"], frozenset(model.get("groups") or ()))
        return model

    async def renew(self, user: Any) -> dict[str, Any]:
        """Ask the provider again who somebody is and which groups they are in.

        Returns:
            The auth model; its tokens are stored already, as many providers accept a refresh token once only.

        Raises:
            SignInRefused: what it says, or that it says nothing.
        """
        lock = self._one_at_a_time.setdefault(user.name, asyncio.Lock())
        async with lock:
            state = await user.get_auth_state()
            if not state or not state.get("token_response"):
                raise SignedOut(f"{user.name} has to sign in again before a server can start.")
            with self._own_words():
                model = await self._model_again(user.name, state)
            if model["name"] != user.name:
                raise SignedOut(f"{self.login_service} no longer knows {user.name} by this name. Sign in again.")
            if model["auth_state"] != state:
                await user.save_auth_state(model["auth_state"])
            self.admit(user.name, frozenset(model.get("groups") or ()))
            self.confirmed[user.name] = time.monotonic()
            return model

    async def _model_again(self, name: str, state: dict[str, Any]) -> dict[str, Any]:
        token = state["token_response"]
        expired = has_expired(token)
        if not expired:
            try:
                return await self._token_to_auth_model(dict(token))
            except HTTPClientError as error:
                if is_outage(error):
                    raise
        refresh_token = state.get("refresh_token") or token.get("refresh_token")
        if not refresh_token:
            if expired:
                raise Expired(
                    f"The sign-in of {name} at {self.login_service} has expired. Sign in again, then start the server."
                )
            raise self._signed_out(name)
        try:
            fresh = await self.get_token_info(None, self.build_refresh_token_request_params(refresh_token))
            return await self._token_to_auth_model({**_lasting(token), "refresh_token": refresh_token, **fresh})
        except HTTPClientError as error:
            if is_outage(error):
                raise
            raise self._signed_out(name) from error
        except web.HTTPError as error:  # what oauthenticator makes of an error in words; 500: of no words at all
            if error.status_code >= 500:
                raise
            raise self._signed_out(name) from error

    def build_refresh_token_request_params(self, refresh_token: str) -> dict[str, Any]:
        """See `OAuthenticator.build_refresh_token_request_params`."""
        return dict(super().build_refresh_token_request_params(refresh_token))  # type: ignore[misc]

    def _signed_out(self, name: str) -> SignedOut:
        return SignedOut(f"{self.login_service} no longer vouches for {name}. Sign in again, then start the server.")

    async def confirm(self, user: Any) -> SignInRefused | None:
        """Ask the provider about somebody, and put what it says into force; returns why they are out, if they are."""
        try:
            model = await self.renew(user)
        except SignInRefused as refused:
            return refused
        user.sync_groups(model.get("groups") or [])
        if user.admin != model["admin"]:
            user.admin = model["admin"]
            assign_default_roles(user.db, entity=user.orm_user)
            user.db.commit()
        return None

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> Any:
        """See `OAuthenticator.refresh_user`: JupyterHub asks this when the provider's word is old.

        An outage signs nobody out: pages go on, and only a start is refused (`pre_spawn_start`).
        """
        if not getattr(self, "enable_auth_state", False) or getattr(self, "refresh_user_hook", None) is not None:
            return await super().refresh_user(user, handler, **kwargs)  # type: ignore[misc]
        try:
            return await self.renew(user)
        except SignInRefused as refused:
            self.log.warning("%s can't be confirmed: %s", user.name, refused.message)
            return isinstance(refused, ProviderUnavailable)

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Before every start, whoever asks for it: what the provider says now counts.

        Raises:
            SpawnException: it does not vouch for the owner.
        """
        if (refused := await self.confirm(user)) is not None:
            error = SpawnException(refused.message, reason="sign-in", status_code=refused.status)
            error.jupyterhub_message = refused.message
            raise error


def _lasting(token: dict[str, Any]) -> dict[str, Any]:
    """What a refreshed token takes over from the one before."""
    return {key: token[key] for key in ("subject", "scope", "token_type") if key in token}


def has_expired(token: dict[str, Any], now: float | None = None) -> bool:
    """Whether an access token is past the time that the provider gave it; unknown: no."""
    lifetime, obtained = token.get("expires_in"), token.get("obtained_at")
    try:
        return float(lifetime) + float(obtained) < (time.time() if now is None else now)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def is_outage(error: HTTPClientError) -> bool:
    """Whether a provider's error says nothing about the person: it is down, slow, or we asked too often."""
    if error.code in (408, 425, 429) or error.code >= 500:
        return True
    headers = error.response.headers if error.response is not None else {}
    # GitHub says 403 when we asked too often (docs.github.com, rate limits for the REST API).
    return error.code == 403 and (headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers)

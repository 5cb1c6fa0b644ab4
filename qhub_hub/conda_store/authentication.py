"""Who asks conda-store: a person as the hub knows them now, with the rights that they have now.

conda-store's own class for JupyterHub asks for a scope that JupyterHub 6 does not have, and makes everybody an
administrator (facts/conda-store.md §1.3 and §0.4).
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from conda_store_server import api
from conda_store_server.server.auth import GenericOAuthAuthentication
from conda_store_server.server.schema import Permissions
from fastapi import Body, HTTPException, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from qhub_hub.conda_store.authorization import HubTokens, Person, SlugAuthorization
from qhub_hub.conda_store.guard import guarded
from qhub_hub.conda_store.names import slug_problem
from qhub_hub.conda_store.orders import choose_build, no_solving, take_order
from qhub_hub.conda_store.rights import HubAway, HubRights, Rights
from qhub_hub.conda_store.settings import settings_here
from qhub_hub.conda_store.storage import ARTIFACTS, signed_file

COOKIE = "qhub-conda-store"
_STATE = "qhub-conda-store-state"
_LASTS = timedelta(hours=1)
_PATIENCE = 600  # seconds between going to the hub and coming back
_WITHIN = 10.0  # seconds for an answer of the hub


class HubAuthentication(GenericOAuthAuthentication):  # type: ignore[misc]
    """Sign-in through the hub."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        settings = settings_here()
        self._settings = settings
        self._rights = HubRights(settings.hub_api, settings.token)
        self.authentication_backend = HubTokens
        self.authentication.secret = settings.signing
        self.authorization_backend = SlugAuthorization
        own = self.authorization.role_mappings
        # Whoever may make environments may take them away: else nobody but administrators could make room.
        removing = {Permissions.ENVIRONMENT_DELETE, Permissions.BUILD_DELETE}
        self.authorization.role_mappings = {**own, "editor": own["editor"] | removing}
        server = self.parent.parent
        build = server.init_fastapi_app
        server.init_fastapi_app = lambda: guarded(build(), self, settings.prefix)

    @property
    def routes(self) -> list[tuple[str, str, Any]]:
        """Ours come before conda-store's own, and so in their place."""
        return [
            ("/login/", "get", self.get_login_method),
            ("/oauth_callback/", "get", self.post_login_method),
            ("/logout/", "post", self.post_logout_method),
            ("/api/v1/token/", "post", self.post_token_method),
            ("/api/v1/specification/", "post", take_order),
            ("/api/v1/specification/", "get", no_solving),
            ("/api/v1/environment/{namespace}/{name}/", "put", choose_build),
            (f"{ARTIFACTS}{{address}}", "get", self.get_artifact_method),
        ]

    async def person(self, request: Request) -> Any:
        """Whoever sends a request, with the rights that they have now; None: nobody that may be here.

        Raises:
            HubAway: that can't be told now.
        """
        entity = self.authentication.authenticate(_token(request))
        if isinstance(entity, Person):
            rights = await run_in_threadpool(self._rights.of, entity.name)
            if rights is None:
                return None
            entity.primary_namespace, entity.role_bindings = rights.home, rights.bindings()
        return entity

    def authenticate_request(self, request: Request, require: bool = False) -> Any:
        """Whom the guard has found."""
        entity = getattr(request.state, "entity", None)
        if require and entity is None:
            raise HTTPException(401, "Sign in first.")
        return entity

    def authorize_request(self, request: Request, arn: str, permissions: Any, require: bool = False) -> bool:
        """Whether whoever asks may do that. Names that are no slugs are nobody's."""
        namespace, _, name = arn.partition("/")
        problem = (namespace and slug_problem("namespace", namespace)) or (name and slug_problem("environment", name))
        if problem:
            raise HTTPException(400, problem)
        allowed: bool = self.authorization.authorize(self.authenticate_request(request), arn, permissions)
        if require and not allowed:
            raise HTTPException(403, f"You may not do that with {arn or 'the settings'}. Ask an administrator.")
        return allowed

    def get_login_method(self, request: Request, next: str = "") -> Response:
        """Let the hub say who it is; the browser comes back."""
        state = secrets.token_urlsafe(32)
        # No scope: then the hub grants what the service is allowed.
        authorize = f"{self._settings.base}/hub/api/oauth2/authorize"
        address = self.oauth_route(authorize, _client(), self._callback, state=state)
        answer = RedirectResponse(address, 302)
        self._set(
            request, answer, f"{_STATE}-{state[:8]}", f"{state}:{own_path(self._settings.prefix, next)}", _PATIENCE
        )
        return answer

    async def post_login_method(self, request: Request, state: str = "", code: str = "") -> Response:
        """The browser brings the hub's answer: give it a cookie, and send it to the page that it wanted."""
        cookie = f"{_STATE}-{state[:8]}"
        kept, _, page = request.cookies.get(cookie, "").partition(":")
        # A page of somebody else's could send a browser here with their own answer.
        if not kept or not code or not hmac.compare_digest(kept.encode(), state.encode()):
            raise HTTPException(400, "This sign-in was not begun here, or is too old. Open the page again.")
        try:
            name = await run_in_threadpool(self._name, code)
            rights = await run_in_threadpool(self._rights.of, name, anew=True) if name else None
        except HubAway:
            raise HTTPException(503, "The hub can't say now who you are. Try again in a minute.") from None
        if rights is None:
            raise HTTPException(403, "You may not use environments here. Ask an administrator.")
        self._introduce(rights)
        until = datetime.now(UTC) + _LASTS
        person = Person(name=name, primary_namespace=rights.home, role_bindings={}, exp=until)
        answer = RedirectResponse(own_path(self._settings.prefix, page), 303)
        self._set(request, answer, COOKIE, self.authentication.encrypt_token(person), int(_LASTS.total_seconds()))
        answer.delete_cookie(cookie, path=self._settings.prefix)
        return answer

    def post_logout_method(self, request: Request, next: str = "") -> Response:
        """Forget who it is."""
        answer = RedirectResponse(f"{self._settings.base}/hub/home", 303)
        answer.delete_cookie(COOKIE, path=self._settings.prefix)
        return answer

    def post_token_method(self, request: Request, role_bindings: Any = Body(None, embed=True)) -> Any:  # noqa: B008
        """A token for programs: it is whoever asks, for as long as they are signed in here."""
        entity = self.authenticate_request(request)
        if role_bindings or not isinstance(entity, Person):
            raise HTTPException(400, "Tokens are made by people, and may do what these may do: neither less nor more.")
        return {"status": "ok", "data": {"token": self.authentication.encrypt_token(entity)}}

    def get_artifact_method(self, address: str) -> Response:
        """A log or a lock file, by an address that `SignedStorage` has made."""
        path = signed_file(address)
        if path is None:
            raise HTTPException(404, "That is not there any more. Open it from its environment's page again.")
        media = "application/json" if path.parent.name == "lockfile" else "text/plain; charset=utf-8"
        return FileResponse(path, media_type=media, headers={"X-Content-Type-Options": "nosniff"})

    def _name(self, code: str) -> str:
        """Hub name of whoever brings this code; empty: the hub knows no such code."""
        form = {
            "client_id": _client(),
            "client_secret": self._settings.token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
        }
        try:
            answer = requests.post(f"{self._settings.hub_api}/oauth2/token", data=form, timeout=_WITHIN)
            token = answer.json().get("access_token", "") if answer.ok else ""
            if not token:
                return ""
            headers = {"Authorization": f"Bearer {token}"}
            found = requests.get(f"{self._settings.hub_api}/user", headers=headers, timeout=_WITHIN)
            return str(found.json()["name"]) if found.ok else ""
        except (requests.RequestException, ValueError, KeyError, AttributeError) as error:
            raise HubAway("no answer to a sign-in") from error

    def _introduce(self, rights: Rights) -> None:
        """Make the namespaces known that a person may build in: else only administrators could."""
        with self.authentication_db() as db:
            for name in rights.build:
                if not slug_problem("namespace", name):
                    api.ensure_namespace(db, name).deleted_on = None
            db.commit()

    def _set(self, request: Request, answer: Response, name: str, value: str, lasts: int) -> None:
        # Not for the whole host, as conda-store does it: people's own servers would be sent it, too. Lax: with strict
        # ones, a link from elsewhere would lead in a circle.
        secure = request.url.scheme == "https"
        path = self._settings.prefix
        answer.set_cookie(name, value, lasts, path=path, secure=secure, httponly=True, samesite="lax")

    @property
    def _callback(self) -> str:
        return f"{self._settings.prefix}/oauth_callback/"


def own_path(prefix: str, page: str) -> str:
    """A page to go to after a sign-in: one below ours, whatever was asked for (facts/conda-store.md §1.3 g).

    Args:
        prefix: path below which ours are.
    """
    own = page.startswith(f"{prefix}/") and page.isprintable() and not set(page) & set("\\\"'<>") and ".." not in page
    return page if own else f"{prefix}/ui/"


def _client() -> str:
    return "service-conda-store"


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    found: str = token if kind.lower() in ("bearer", "token") else request.cookies.get(COOKIE, "")
    return found.strip()

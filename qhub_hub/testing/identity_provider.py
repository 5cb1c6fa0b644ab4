"""A sign-in provider in the test process: plays GitHub, Google, Auth0 and OpenID Connect over real HTTP.

It has a login page, checks redirect addresses, client secrets and PKCE, gives out codes that work once, signed ID
tokens and rotating refresh tokens. A test changes its people and its faults while a hub uses it.
"""

import asyncio
import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from qhub_hub.testing.google_directory import GoogleDirectory

CLIENT_ID, CLIENT_SECRET = "qhub-test", "not-a-real-secret"
GROUPS_CLAIM = "https://qhub/groups"
_PAGE = 30  # teams on a page of the GitHub part, whatever `per_page` says


@dataclass
class Account:
    """Somebody at the provider; changes count at once.

    Args:
        groups: names; for the GitHub part `org:team`.
        claims: said besides, or instead of what is said by default; a value of `...` leaves a claim out.
        blocked: signing in and every token of theirs are refused.
    """

    groups: list[str] = field(default_factory=list)
    password: str = "open sesame"  # noqa: S105 - what people of the tests type
    claims: dict[str, Any] = field(default_factory=dict)
    blocked: bool = False


@dataclass
class Faults:
    """What is wrong with the provider; each is named after what breaks."""

    outage: bool = False
    """Every answer is 503."""
    slow: float = 0.0
    """Seconds before every answer."""
    wrong_audience: bool = False
    wrong_issuer: bool = False
    tampered_signature: bool = False
    unsigned_token: bool = False
    unknown_key: bool = False
    expired_id_token: bool = False
    no_id_token: bool = False
    stranger_in_userinfo: bool = False
    """The claims are about somebody else than the ID token."""
    no_refresh_tokens: bool = False
    garbage: bool = False
    """Claims are answered with a page of HTML and status 200."""


class IdentityProvider:
    """See the module. Runs in a thread of its own, so that tests of any kind can use it.

    Attributes:
        accounts: by name.
        faults: what is wrong at the moment.
        lifetime: seconds that access tokens are good for.
        requests: number of requests by path.
        directory: where Google keeps groups.
    """

    def __init__(self) -> None:
        self.url = ""
        self.accounts: dict[str, Account] = {}
        self.faults = Faults()
        self.lifetime = 3600.0
        self.requests: dict[str, int] = {}
        self.directory = GoogleDirectory(lambda name: self.accounts[name].groups)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._refresh: dict[str, str] = {}
        self._used: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="identity-provider", daemon=True)

    def add(self, name: str, *groups: str, **claims: Any) -> Account:
        """Make somebody known."""
        self.accounts[name] = Account(list(groups), claims=claims)
        return self.accounts[name]

    def sign_out(self, name: str) -> None:
        """Make all tokens of somebody worthless, as their administrator does."""
        self._tokens = {token: entry for token, entry in self._tokens.items() if entry[0] != name}
        self._refresh = {token: owner for token, owner in self._refresh.items() if owner != name}

    def grant(self, name: str, scope: str = "openid offline_access") -> dict[str, Any]:
        """Tokens for somebody, as the token endpoint gives them."""
        access = secrets.token_urlsafe(16)
        self._tokens[access] = (name, time.time() + self.lifetime)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "scope": scope,
            "expires_in": self.lifetime,
        }
        if "offline_access" in scope and not self.faults.no_refresh_tokens:
            answer["refresh_token"] = secrets.token_urlsafe(16)
            self._refresh[answer["refresh_token"]] = name
        if "openid" in scope and not self.faults.no_id_token:
            answer["id_token"] = self._id_token(name)
        return answer

    def claims_of(self, name: str) -> dict[str, Any]:
        """What the userinfo endpoint says about somebody."""
        account = self.accounts[name]
        said = {
            "sub": f"id|{name}" if not self.faults.stranger_in_userinfo else "id|stranger",
            "preferred_username": name,
            "email": f"{name}@example.org",
            "email_verified": True,
            "groups": account.groups,
            GROUPS_CLAIM: account.groups,
            **account.claims,
        }
        return {key: value for key, value in said.items() if value is not ...}

    # The server.

    def start(self) -> "IdentityProvider":
        """Listen on a free port of the loopback address."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def stop(self) -> None:
        """End the server and its thread."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        app = web.Application(middlewares=[self._faulty])
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/.well-known/jwks.json", self._keys)
        for path in ("/authorize", "/login/oauth/authorize"):
            app.router.add_get(path, self._login_page)
            app.router.add_post(path, self._login)
        for path in ("/oauth/token", "/login/oauth/access_token"):
            app.router.add_post(path, self._token)
        app.router.add_get("/userinfo", self._said(self.claims_of))
        app.router.add_get("/oauth2/v1/userinfo", self._said(self._google_claims))
        app.router.add_routes(self.directory.routes())
        app.router.add_get("/api/v3/user", self._said(self._github_user))
        app.router.add_get("/api/v3/user/teams", self._github_teams)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.requests[request.path] = self.requests.get(request.path, 0) + 1
        if self.faults.slow:
            await asyncio.sleep(self.faults.slow)
        if self.faults.outage:
            raise web.HTTPServiceUnavailable
        if self.faults.garbage and ("user" in request.path):
            return web.Response(text="<h1>Back soon</h1>", content_type="text/html")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/oauth/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/.well-known/jwks.json",
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]})

    def _id_token(self, name: str) -> str:
        faults, now = self.faults, int(time.time())
        claims = {
            "iss": "https://elsewhere.example" if faults.wrong_issuer else self.url,
            "aud": "somebody-else" if faults.wrong_audience else CLIENT_ID,
            "sub": f"id|{name}",
            "iat": now - 7200 if faults.expired_id_token else now,
            "exp": now - 3600 if faults.expired_id_token else now + 300,
        }
        if faults.unsigned_token:
            return jwt.encode(claims, "", algorithm="none", headers={"kid": "one"})
        token = jwt.encode(claims, self._key, "RS256", headers={"kid": "two" if faults.unknown_key else "one"})
        if faults.tampered_signature:
            head, body, signature = token.split(".")
            return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        return token

    # The login page, as a person in a browser meets it.

    async def _login_page(self, request: web.Request) -> web.Response:
        asked = request.query
        if asked.get("client_id") != CLIENT_ID or not _is_ours(asked.get("redirect_uri", "")):
            return web.Response(status=400, text="unknown client or redirect address")
        return web.Response(
            text=_FORM.format(word=html.escape(request.query.get("word", ""))), content_type="text/html"
        )

    async def _login(self, request: web.Request) -> web.Response:
        form, asked = await request.post(), request.query
        if not _is_ours(asked["redirect_uri"]):
            return web.Response(status=400, text="unknown redirect address")
        name = str(form["name"])
        account = self.accounts.get(name)
        if account is None or account.blocked or form["password"] != account.password:
            return web.Response(status=403, text=_FORM.format(word="That is not right."), content_type="text/html")
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "name": name}
        raise web.HTTPFound(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") == "refresh_token":
            return self._exchange_refresh_token(form["refresh_token"])
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or not _proves(asked, form):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(self.grant(asked["name"], asked.get("scope", "")))

    def _exchange_refresh_token(self, token: str) -> web.Response:
        if token in self._used:  # used twice: stolen, for all that a provider knows (RFC 9700, 4.14)
            self.sign_out(self._used[token])
        owner = self._refresh.pop(token, None)
        if owner is None or self.accounts[owner].blocked:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._used[token] = owner
        return web.json_response(self.grant(owner))

    # What is said to whoever has a token.

    def _owner(self, request: web.Request) -> str:
        name, until = self._tokens.get(request.headers.get("Authorization", "").partition(" ")[2], ("", 0.0))
        if not name or until < time.time() or self.accounts[name].blocked:
            raise web.HTTPUnauthorized
        return name

    def _said(self, about: Callable[[str], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response(about(self._owner(request)))

        return answer

    def _google_claims(self, name: str) -> dict[str, Any]:
        said = {"email": f"{name}@example.org", "verified_email": True, "hd": "example.org", "id": f"id|{name}"}
        return {**said, **self.accounts[name].claims}

    def _github_user(self, name: str) -> dict[str, Any]:
        return {"login": name, "id": 1000 + len(name), "email": f"{name}@example.org", **self.accounts[name].claims}

    async def _github_teams(self, request: web.Request) -> web.Response:
        account = self.accounts[self._owner(request)]
        if "teams" in account.claims:
            return web.json_response(account.claims["teams"])
        page = int(request.query.get("page", "1"))
        parts = [name.split(":", 1) for name in account.groups if ":" in name]
        teams = [{"slug": slug, "name": slug.title(), "organization": {"login": org}} for org, slug in parts]
        more = f'<{self.url}/api/v3/user/teams?page={page + 1}>; rel="next"'
        headers = {"Link": more} if len(teams) > page * _PAGE else {}
        return web.json_response(teams[(page - 1) * _PAGE : page * _PAGE], headers=headers)


_FORM = """<!doctype html><title>Provider</title><h1>Sign in at the provider</h1><p>{word}</p>
<form method="post"><label>Name <input name="name"></label>
<label>Password <input name="password" type="password"></label><button>Continue</button></form>"""


def _is_ours(redirect: str) -> bool:
    return redirect.startswith("http://127.0.0.1:") and redirect.endswith("/hub/oauth_callback")


def _proves(asked: dict[str, str], form: dict[str, str]) -> bool:
    """Whether whoever brings the code is who began (RFC 7636)."""
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return asked.get("code_challenge") == base64.urlsafe_b64encode(digest).decode().rstrip("=")

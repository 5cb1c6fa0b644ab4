"""The directory of a Google Workspace domain, for whoever asks with a service account's key file."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

DOMAIN = "example.org"
_SCOPE = "https://www.googleapis.com/auth/admin.directory.group.readonly"
_EMAIL = "reader@project.example"  # the service account's
_TOKEN_PATH = "/service-account/token"  # noqa: S105 - an address
_PAGE = 30  # groups on a page, whatever `maxResults` says


class GoogleDirectory:
    """Groups of the accounts of a provider, by their addresses.

    Args:
        groups_of: names of somebody's groups; raises LookupError for strangers.

    Attributes:
        administrator: whom the service account may act for; empty: nobody any more.
    """

    def __init__(self, groups_of: Callable[[str], list[str]]) -> None:
        self.administrator = f"admin@{DOMAIN}"
        self._groups_of = groups_of
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._token = secrets.token_urlsafe(16)

    def write_key_file(self, path: Path, url: str) -> Path:
        """Write the service account's key file.

        Args:
            path: of the file.
            url: of the provider.
        """
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        content = {
            "type": "service_account",
            "client_email": _EMAIL,
            "private_key_id": "one",
            "private_key": pem.decode(),
            "token_uri": f"{url}{_TOKEN_PATH}",
        }
        path.write_text(json.dumps(content))
        return path

    def routes(self) -> list[web.RouteDef]:
        """What the provider answers of it."""
        return [web.post(_TOKEN_PATH, self._exchange), web.get("/admin/directory/v1/groups", self._groups)]

    async def _exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            said: dict[str, Any] = jwt.decode(
                str(form.get("assertion")),
                self._key.public_key(),
                ["RS256"],
                audience=str(request.url.with_query(None)),
                issuer=_EMAIL,
            )
        except jwt.PyJWTError:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if (said.get("sub"), said.get("scope")) != (self.administrator, _SCOPE):
            return web.json_response({"error": "unauthorized_client"}, status=401)
        return web.json_response({"access_token": self._token, "expires_in": 3600, "token_type": "Bearer"})

    async def _groups(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise web.HTTPUnauthorized
        if not self.administrator:
            raise web.HTTPForbidden
        try:
            names = self._groups_of(request.query["userKey"].partition("@")[0])
        except LookupError:
            raise web.HTTPNotFound from None
        begin = int(request.query.get("pageToken", "0"))
        page = [name if "@" in name else f"{name}@{DOMAIN}" for name in names[begin : begin + _PAGE]]
        answer: dict[str, Any] = {"groups": [{"email": address} for address in page]} if page else {}
        if begin + _PAGE < len(names):
            answer["nextPageToken"] = str(begin + _PAGE)
        return web.json_response(answer)

"""Groups of a Google Workspace domain, read from its directory by a service account that acts for an administrator.

Not by google-auth: that one asks for its token in the hub's only thread, and everybody would wait for Google.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
from tornado.httpclient import HTTPClientError

from qhub_hub.hub.sign_in.claims import MOST_GROUPS, group_list
from qhub_hub.hub.sign_in.client import require_safe
from qhub_hub.hub.sign_in.refusals import SettingsError, SignedOut, Unusable

SCOPE = "https://www.googleapis.com/auth/admin.directory.group.readonly"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523
_TOKEN_LASTS = 3600  # seconds; the most that Google gives
_EARLIER = 60.0  # seconds before its end that a token is not used any more

Fetch = Callable[..., Awaitable[Any]]
"""`fetch(url, label, **request)` gives an answer's JSON, as `OAuthenticator.httpfetch` does."""


@dataclass(frozen=True, repr=False)
class ServiceAccount:
    """What a key file says.

    Args:
        email: the account's name at Google.
        key: its private key, PEM.
        key_id: which of its keys that is.
        token_url: where its word is exchanged for a token.
    """

    email: str
    key: str
    key_id: str
    token_url: str

    def assertion(self, subject: str) -> str:
        """That it wants to act for an administrator, signed; good for an hour."""
        now = int(time.time())
        claims: dict[str, str | int] = {"iss": self.email, "sub": subject, "scope": SCOPE, "aud": self.token_url}
        claims |= {"iat": now, "exp": now + _TOKEN_LASTS}
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.key_id})


def service_account(path: str) -> ServiceAccount:
    """The service account of a key file, as Google's console gives it out.

    Raises:
        SettingsError: the file can't be read, or is none.
    """
    try:
        said = json.loads(Path(path).read_text(encoding="utf-8"))
        found = ServiceAccount(said["client_email"], said["private_key"], said["private_key_id"], said["token_uri"])
        require_safe(found.token_url, f"token_uri in {path}")
        found.assertion("nobody")
    except (OSError, ValueError, LookupError, TypeError, jwt.PyJWTError) as error:
        raise SettingsError(
            f"{path} can't be used as the key file of a service account ({type(error).__name__}). "
            "Put the JSON file there that Google's console gave out, readable by the hub, or correct "
            "google.serviceAccountFiles."
        ) from None
    return found


class Directory:
    """Asks for somebody's groups.

    Args:
        key_files: by domain: key file of the service account. Read again for each new token, as keys are renewed.
        administrators: by domain: whom the service account acts for, without `@domain`.
        url: of Google's API.
        fetch: does the requests.
    """

    def __init__(self, key_files: Mapping[str, str], administrators: Mapping[str, str], url: str, fetch: Fetch) -> None:
        self._key_files, self._administrators = key_files, administrators
        self._url, self._fetch = url.rstrip("/"), fetch
        self._tokens: dict[str, tuple[str, float]] = {}

    async def groups(self, email: str, domain: str) -> list[str]:
        """Names of the groups that somebody is a direct member of, sorted.

        A group of their own domain is named by what stands before the `@`, one of another domain by its whole address:
        otherwise `admins@sub.example.org` would be `admins`.

        Raises:
            SignedOut: the directory does not know them.
            Unusable: it does not let us read it.
            BadAnswer: its answer is not a list of groups.
            HTTPClientError: it does not answer.
        """
        try:
            addresses = await self._addresses(email, domain)
        except HTTPClientError as error:
            if error.code == 404:
                raise SignedOut(
                    f"The directory of {domain} does not know {email}. Sign in with another account."
                ) from None
            if error.code in (400, 401, 403):
                self._tokens.pop(domain, None)
                raise Unusable(
                    f"QHub may not read the groups of {domain} at Google, so it can't be checked what you may use. "
                    "An administrator has to permit it there, or to correct google.serviceAccountFiles and "
                    "google.administrators."
                ) from error
            raise
        own = f"@{domain}"
        return sorted(address.removesuffix(own) for address in group_list(addresses, "the list of your groups"))

    async def _addresses(self, email: str, domain: str) -> list[object]:
        headers = {"Authorization": f"Bearer {await self._token(domain)}"}
        found: list[object] = []
        page: dict[str, str] = {}
        while len(found) <= MOST_GROUPS:
            query = urlencode({"userKey": email, "maxResults": "200", **page})
            answer = await self._fetch(
                f"{self._url}/admin/directory/v1/groups?{query}", "fetching Google groups", headers=headers
            )
            found += [group["email"].lower() for group in answer.get("groups", [])]
            if not answer.get("nextPageToken"):
                break
            page = {"pageToken": str(answer["nextPageToken"])}
        return found

    async def _token(self, domain: str) -> str:
        token, until = self._tokens.get(domain, ("", 0.0))
        if time.monotonic() < until:
            return token
        try:
            account = service_account(self._key_files[domain])
        except SettingsError as error:
            raise Unusable(f"The groups of {domain} can't be read at the moment. {error}") from None
        body = {"grant_type": _GRANT, "assertion": account.assertion(f"{self._administrators[domain]}@{domain}")}
        answer = await self._fetch(
            account.token_url,
            "fetching a token for Google groups",
            method="POST",
            body=urlencode(body),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        token = str(answer["access_token"])
        self._tokens[domain] = (token, time.monotonic() + float(answer.get("expires_in", _TOKEN_LASTS)) - _EARLIER)
        return token

"""The provisioner as a service: the one process with root's rights makes the folders that the hub asks for.

It has a token of its own, no rights in the cluster, and a mind of its own: only what can be a folder of the tree is
made, whoever asks.
"""

import asyncio
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from qhub_hub.identity import HighWater, IdentityError, check_high_water
from qhub_hub.storage.errors import StorageError
from qhub_hub.storage.layout import Directory, check_planned
from qhub_hub.storage.provisioner import Provisioner
from qhub_hub.storage.realm import claim_realm

PORT = 8102
PATH = "/folders"
LARGEST = 1_000_000  # bytes of a request; a person in 300 groups asks with 30,000


def application(share: Provisioner, token: Callable[[], str]) -> Application:
    """The service's application.

    `GET /health` answers 200. `PUT /folders` makes folders and keeps the realm's mark; its body is
    `{"water": {"realm", "last_user_id", "last_group_id"}, "folders": [{"parts", "uid", "gid", "mode"}, …]}`, its answer
    200 with `{"outcomes": ["created" | "fixed" | "kept", …]}`, 400 for a request that no hub makes, 401 without the
    token, 409 with `{"kind", "message"}` where the share and the ids do not belong together, 503 likewise where the
    share can't be used.

    Args:
        share: writes the folders.
        token: what a hub must show; asked for at every request, so that it can be exchanged.
    """
    return Application([(r"/health", Health), (PATH, Folders, {"share": share, "token": token})], log_function=quiet)


def quiet(handler: RequestHandler) -> None:
    """Write nothing about a request: probes come every few seconds, and what fails is told to the hub."""


class Health(RequestHandler):
    """Whether the service runs."""

    def get(self) -> None:
        """Answer."""
        self.finish("ok")


class Folders(RequestHandler):
    """Makes folders."""

    def initialize(self, share: Provisioner, token: Callable[[], str]) -> None:
        """Take what `application` was given."""
        self._share, self._token = share, token

    def prepare(self) -> None:
        """Refuse everybody but the hub."""
        shown = self.request.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {self._token()}".encode()):
            raise HTTPError(401)

    async def put(self) -> None:
        """Make what is asked for."""
        try:
            water, wanted = _read(self.request)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise HTTPError(400) from None
        try:
            outcomes = await asyncio.to_thread(self._make, water, wanted)
        except (IdentityError, StorageError) as error:
            self.set_status(503 if isinstance(error, StorageError) else 409)
            self.write({"kind": type(error).__name__, "message": str(error)})
            return
        self.write({"outcomes": outcomes})

    def _make(self, water: HighWater, wanted: list[Directory]) -> list[str]:
        # The mark first: it must never be behind the ids that own folders.
        check_high_water(water, claim_realm(self._share, water))
        return list(self._share.ensure(wanted))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer without a page: nobody reads it."""
        self.finish({"kind": "Refused", "message": f"The storage service refuses this request ({status_code})."})


def _read(request: HTTPServerRequest) -> tuple[HighWater, list[Directory]]:
    body = json.loads(request.body)
    water = HighWater(**body["water"])
    if [type(value) for value in (water.realm, water.last_user_id, water.last_group_id)] != [str, int, int]:
        raise TypeError("a mark of other types")
    return water, [check_planned(_directory(**folder)) for folder in body["folders"]]


def _directory(parts: list[str], uid: int, gid: int, mode: int) -> Directory:
    numbers = [type(value) for value in (uid, gid, mode)]
    if numbers != [int, int, int] or not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise TypeError("a folder of other types")
    return Directory(tuple(parts), uid, gid, mode)


def token_in(file: Path) -> Callable[[], str]:
    """The token that a file holds now.

    Raises (when asked):
        HTTPError: 503; it can't be read or is too short to be one, so nobody is let in.
    """

    def read() -> str:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if len(token) < 16:
            raise HTTPError(503)
        return token

    return read

"""The manifests of a share for a hub that does not mount it: what there is, and what has changed since.

`GET /environments` answers `{"<namespace>": "<mark>", …}`, where a mark changes with the namespace's manifest, and
`GET /environments/<namespace>` the manifest as it is written. Both ask for the token that the hub shows.
"""

import asyncio
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado.web import HTTPError, RequestHandler

from qhub_hub.environments.catalogue import mark_of, namespaces_in
from qhub_hub.environments.manifest import NAMESPACE, ManifestError, manifest_content
from qhub_hub.environments.remote import PATH


def handlers(root: Path, *tokens: Callable[[], str]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Routes for a Tornado application.

    Args:
        root: folder of which every subfolder is a namespace; need not exist.
        tokens: one of which must be shown; asked for at every request.
    """
    settings = {"root": root, "tokens": tokens}
    return [(PATH, Marks, settings), (rf"{PATH}/(?P<namespace>[^/]+)", Manifest, settings)]


class _ForTheHub(RequestHandler):
    """Refuses everybody but the hub and the Dask gateway."""

    def initialize(self, root: Path, tokens: tuple[Callable[[], str], ...]) -> None:
        """Take what `handlers` was given."""
        self._root, self._tokens = root, tokens

    def prepare(self) -> None:
        """Refuse whoever shows none of the tokens."""
        shown = self.request.headers.get("Authorization", "").encode()
        if not any(hmac.compare_digest(shown, f"Bearer {token()}".encode()) for token in self._tokens):
            raise HTTPError(401)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer without a page: nobody reads it."""
        self.finish()


class Marks(_ForTheHub):
    """Which namespaces there are, and which of them have changed."""

    async def get(self) -> None:
        """Answer; in a thread, as a share may hang."""
        self.finish(await asyncio.to_thread(self._marks))

    def _marks(self) -> dict[str, str]:
        return {folder.name: ".".join(map(str, mark_of(folder))) for folder in namespaces_in(self._root)}


class Manifest(_ForTheHub):
    """One manifest."""

    async def get(self, namespace: str) -> None:
        """Answer with it, 204 where nothing was ever built, 503 where it can't be read."""
        if not NAMESPACE.fullmatch(namespace):
            raise HTTPError(404)
        try:
            content = await asyncio.to_thread(manifest_content, self._root / namespace)
        except ManifestError:
            raise HTTPError(503) from None
        self.set_header("Content-Type", "application/json")
        if content is None:
            self.set_status(204)
        self.finish(content)

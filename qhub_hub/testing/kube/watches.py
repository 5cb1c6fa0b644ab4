"""Watches: changes of the objects a client asked about, as lines of JSON, until it goes or its time is over."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from functools import partial

from aiohttp import web

from qhub_hub.testing.kube.errors import ApiError
from qhub_hub.testing.kube.kinds import Kind
from qhub_hub.testing.kube.selectors import Selector
from qhub_hub.testing.kube.store import Change, Store, Stored

LONGEST = 1800.0  # seconds; where the client says nothing. The API server takes 30 to 60 minutes.


def _line(event: str, body: bytes) -> bytes:
    return b'{"type":"' + event.encode() + b'","object":' + body + b"}\n"


class Watch:
    """One client's watch.

    Args:
        kind: what is watched.
        namespace: where; empty for everywhere.
        selector: which objects; None for all.
        version: the client knows everything up to this version.
    """

    def __init__(self, kind: Kind, namespace: str, selector: Selector | None, version: int) -> None:
        self.kind, self.namespace, self.selector, self.version = kind, namespace, selector, version
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._over = self._broken = False
        self._transport: asyncio.Transport | None = None

    def offer(self, change: Change) -> None:
        """Take a change up if it is about what is watched."""
        if change.kind is not self.kind or change.version <= self.version:
            return
        if self.namespace and change.namespace != self.namespace:
            return
        if event := self._event(change):
            self._add(_line(event, change.stored.json))

    def _event(self, change: Change) -> str | None:
        if self.selector is None:
            return change.type
        known = change.before is not None and self.selector(change.before.object)
        wanted = change.type != "DELETED" and self.selector(change.object)
        # An object that begins or ceases to match looks to this client as if it came or went.
        if wanted:
            return "MODIFIED" if known else "ADDED"
        return "DELETED" if known else None

    def present(self, stored: Stored) -> None:
        """Tell the client of an object that was there before it came."""
        if self.selector is None or self.selector(stored.object):
            self._add(_line("ADDED", stored.json))

    def fail(self, error: ApiError) -> None:
        """Tell the client that this watch cannot go on, and end it."""
        self._over = self._broken = True
        self._add(_line("ERROR", json.dumps(error.status()).encode()))

    def drop(self) -> None:
        """Break the connection without a word."""
        if self._transport is not None:
            self._transport.abort()
        self._over = self._broken = True
        self._news.set()

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._news.set()

    async def serve(
        self, request: web.Request, seconds: float, bookmark: Callable[[], bytes] | None
    ) -> web.StreamResponse:
        """Send what happens until the time is over.

        Args:
            seconds: how long.
            bookmark: makes the object that tells the last version, at the end; None: the client wants none.
        """
        self._transport = request.transport
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self._end)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                sent = b"".join(self._lines)
                self._lines.clear()
                if sent:
                    await response.write(sent)
                if self._over and not self._lines:
                    break
            if bookmark is not None and not self._broken:
                await response.write(_line("BOOKMARK", bookmark()))
        except ConnectionResetError:
            pass  # the client has gone
        finally:
            timer.cancel()
        return response

    def _end(self) -> None:
        self._over = True
        self._news.set()


class Watches:
    """All open watches of an API server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[Watch] = set()
        store.listen(self._tell)

    def _tell(self, change: Change) -> None:
        for watch in self._open:
            watch.offer(change)

    async def serve(
        self, request: web.Request, kind: Kind, namespace: str, selector: Selector | None
    ) -> web.StreamResponse:
        """Answer a watch request.

        Raises:
            ApiError: 500 where the version is no number, as the API server does.
        """
        query = request.query
        asked = query.get("resourceVersion", "")
        if asked and not asked.isdecimal():
            raise ApiError(500, f'resourceVersion: Invalid value: "{asked}": it must be a whole number')
        fresh = int(asked or 0) == 0
        watch = Watch(kind, namespace, selector, self._store.version if fresh else int(asked))
        if fresh:
            for stored in self._store.all(kind, namespace):
                watch.present(stored)
        else:
            self._catch_up(watch)
        seconds = float(query.get("timeoutSeconds") or LONGEST)
        self._open.add(watch)
        try:
            wants = query.get("allowWatchBookmarks") in ("1", "true", "True")
            return await watch.serve(request, seconds, partial(self._bookmark, kind) if wants else None)
        finally:
            self._open.discard(watch)

    def _catch_up(self, watch: Watch) -> None:
        try:
            for change in self._store.since(watch.version):
                watch.offer(change)
        except ApiError as error:
            watch.fail(error)

    def _bookmark(self, kind: Kind) -> bytes:
        metadata = {"resourceVersion": str(self._store.version)}
        return json.dumps({"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}).encode()

    def drop(self) -> None:
        """Break the connections of all watches."""
        for watch in list(self._open):
            watch.drop()

    def fail(self, error: ApiError) -> None:
        """End all watches with an error."""
        for watch in list(self._open):
            watch.fail(error)

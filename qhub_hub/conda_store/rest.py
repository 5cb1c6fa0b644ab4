"""conda-store's REST API, as QHub asks it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from qhub_hub.environments.conda_store import SERVICE

_WITHIN = 30.0  # seconds for one answer; a thousand environments take two
_PAGE, _FEW = 500, 100  # rows at once; of builds, only the newest are new
_LARGEST = 64 * 2**20  # bytes of one answer
_LARGEST_LOG = 256 * 2**10  # bytes, from its end


class Unavailable(Exception):
    """conda-store gave no answer that could be used."""


class Refused(Exception):
    """conda-store does not want to do something. `str()` is its sentence."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An environment in conda-store's list.

    Args:
        id: its number.
        current: number of the build in force.
    """

    id: int
    namespace: str
    name: str
    current: int
    description: str


@dataclass(frozen=True, slots=True)
class Build:
    """A build in conda-store's list.

    Args:
        id: its number. SQLite gives out the highest ones again once they are gone.
        environment: number of its environment.
        scheduled: when it was ordered, UTC, as `2026-11-21T19:46:37.571960`.
        status: `QUEUED`, `BUILDING`, `COMPLETED`, `FAILED` or `CANCELED`.
        info: what conda-store says of a failure, if anything.
        ended: when, UTC, as `2026-11-21T19:46:51.888744`; empty: it has not.
    """

    id: int
    environment: int
    scheduled: str
    status: str
    info: str
    size: int
    ended: str

    @property
    def stamp(self) -> str:
        """What conda-store calls its folder, in part: this build's and no other's."""
        return f"{int(datetime.fromisoformat(self.scheduled).replace(tzinfo=UTC).timestamp())}-{self.id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it changes any more."""
        return self.status not in ("QUEUED", "BUILDING")


class CondaStore:
    """One conda-store.

    Args:
        port: of its server, on the loopback address.
        token: QHub's own.
        base: path below which people see the hub, without a slash at its end.
    """

    def __init__(self, port: int, token: str, base: str = "") -> None:
        self._port = port
        self._prefix = f"{base}{SERVICE}"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def environments(self) -> tuple[Listed, ...]:
        """All environments.

        Raises:
            Unavailable: it does not answer.
        """
        return tuple(self._environments())

    def _environments(self) -> Iterator[Listed]:
        cursor = ""
        while True:
            asked = {"limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            answer = self._get(f"/api/v2/environment/?{urlencode(asked)}")
            rows = _rows(answer)
            yield from (_listed(row) for row in rows)
            cursor = answer.get("cursor") or ""
            if len(rows) < _PAGE or not cursor:
                return

    def namespaces(self) -> tuple[str, ...]:
        """Names of all namespaces. Raises `Unavailable`."""
        return tuple(str(row.get("name")) for row in self._pages("/api/v1/namespace/", {}, _PAGE))

    def builds(self) -> Iterator[Build]:
        """All builds, newest first; asked for as they are taken. Raises `Unavailable`."""
        for row in self._pages("/api/v1/build/", {"sort_by": "id", "order": "desc"}, _FEW):
            yield _build(row)

    def log(self, build: int) -> str:
        """The end of a build's log. Raises `Unavailable`."""
        status, _, place = self._ask("GET", f"{self._prefix}/api/v1/build/{build}/logs/")
        if status not in (302, 303, 307) or not place.startswith(self._prefix):
            return ""
        status, content, _ = self._ask("GET", place)
        return content[-_LARGEST_LOG:].decode(errors="replace") if status == 200 else ""

    def order(self, namespace: str, specification: Mapping[str, Any]) -> int:
        """Have an environment built; returns the number of the build.

        Raises:
            Refused: it may not be, or not now.
            Unavailable: it does not answer.
        """
        asked = {"namespace": namespace, "specification": json.dumps(specification)}
        answer = self._do("POST", "/api/v1/specification/", asked)
        return int(answer["data"]["build_id"])

    def remove_build(self, build: int) -> None:
        """Remove a build. Raises `Refused` or `Unavailable`."""
        self._do("DELETE", f"/api/v1/build/{build}/")

    def _pages(self, path: str, query: Mapping[str, str], size: int) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            rows = _rows(self._get(f"{path}?{urlencode({**query, 'size': str(size), 'page': str(page)})}"))
            yield from rows
            if len(rows) < size:
                return
            page += 1

    def _get(self, path: str) -> dict[str, Any]:
        try:
            return self._do("GET", path)
        except Refused as error:
            raise Unavailable(f"conda-store answers: {error}") from error

    def _do(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        status, text, _ = self._ask(method, self._prefix + path, content)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if status >= 500 or not isinstance(answer, dict):
            raise Unavailable(f"conda-store answers {status} to {method} {path.partition('?')[0]}")
        if status >= 400:
            raise Refused(str(answer.get("message") or answer.get("detail") or status)[:1000])
        return answer

    def _ask(self, method: str, path: str, content: object = None) -> tuple[int, bytes, str]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_WITHIN)
        try:
            connection.request(method, path, None if content is None else json.dumps(content), self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_LARGEST), answer.headers.get("Location", "")
        except (OSError, HTTPException) as error:
            raise Unavailable(f"conda-store does not answer ({type(error).__name__})") from error
        finally:
            connection.close()


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = answer.get("data")
    if not isinstance(rows, list):
        raise Unavailable("conda-store's answer is no list")
    return rows


def _listed(row: Mapping[str, Any]) -> Listed:
    try:
        namespace, current = str(row["namespace"]["name"]), int(row["current_build_id"])
        return Listed(int(row["id"]), namespace, str(row["name"]), current, str(row.get("description") or ""))
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("conda-store's list of environments can't be understood") from error


def _build(row: Mapping[str, Any]) -> Build:
    try:
        return Build(
            id=int(row["id"]),
            environment=int(row["environment_id"]),
            scheduled=str(row["scheduled_on"]),
            status=str(row["status"]),
            info=str(row.get("status_info") or ""),
            size=int(row["size"]),
            ended=str(row.get("ended_on") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("conda-store's list of builds can't be understood") from error

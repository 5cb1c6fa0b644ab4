"""What conda-store answers is taken page by page, and never for more than it is."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qhub_hub.conda_store.rest import CondaStore, Refused, Unavailable
from qhub_hub.testing.one_machine import free_port

Answer = tuple[int, Any]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str, dict[str, str]], Answer]], CondaStore]]:
    """Start a server that answers a path and its query with a status and JSON, or text."""
    servers: list[HTTPServer] = []

    def start(answer: Callable[[str, dict[str, str]], Answer]) -> CondaStore:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                status, content = answer(url.path.removeprefix("/services/conda-store"), query)
                self.send_response(status if self.headers["Authorization"] == "Bearer ours" else 401)
                self.end_headers()
                self.wfile.write((content if isinstance(content, str) else json.dumps(content)).encode())

            do_POST = do_DELETE = do_GET

            def log_message(self, *words: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return CondaStore(server.server_port, "ours")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def environment(number: int) -> dict[str, Any]:
    return {"id": number, "namespace": {"name": "global"}, "name": f"e{number}", "current_build_id": number}


def build(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "environment_id": 1,
        "status": "COMPLETED",
        "size": 1,
        "scheduled_on": "2026-11-21T19:46:37.571960",
        "ended_on": None,
    }


@pytest.mark.parametrize("many", [0, 1, 499, 500, 501, 1200])
def test_environments_are_listed_to_the_last_one(serve: Any, many: int) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        begin, limit = int(query.get("cursor", 0)), int(query["limit"])
        rows = [environment(number) for number in range(begin, min(begin + limit, many))]
        return 200, {"data": rows, "cursor": str(begin + limit)}

    assert [one.id for one in serve(answer).environments()] == list(range(many))


def test_only_as_many_builds_are_asked_for_as_are_taken(serve: Any) -> None:
    pages: list[int] = []

    def answer(path: str, query: dict[str, str]) -> Answer:
        page, size = int(query["page"]), int(query["size"])
        pages.append(page)
        newest = 1000 - (page - 1) * size
        return 200, {"data": [build(number) for number in range(newest, max(newest - size, 0), -1)]}

    rest = serve(answer)
    assert next(rest.builds()).id == 1000
    assert pages == [1]
    assert [one.id for one in rest.builds()] == list(range(1000, 0, -1))
    assert next(rest.builds()).stamp == "1795290397-1000"


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"detail": "x"}),
        (200, "no JSON"),
        (200, []),
        (200, {"data": 1}),
        (200, {"data": [{"id": "x"}]}),
        (403, {}),
    ],
    ids=["broken", "text", "a list", "no rows", "another row", "refused"],
)
def test_an_answer_that_can_not_be_used_is_none(serve: Any, answer: Answer) -> None:
    with pytest.raises(Unavailable):
        serve(lambda path, query: answer).environments()


def test_nobody_answering_is_no_error_of_ours() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        CondaStore(free_port(), "ours").environments()


def test_a_refused_order_carries_its_sentence_and_a_broken_one_is_tried_again(serve: Any) -> None:
    with pytest.raises(Refused, match="There is no room"):
        serve(lambda path, query: (400, {"status": "error", "message": "There is no room."})).order("global", {})
    with pytest.raises(Unavailable):
        serve(lambda path, query: (502, "")).order("global", {})
    assert serve(lambda path, query: (200, {"data": {"build_id": 7}})).order("global", {}) == 7

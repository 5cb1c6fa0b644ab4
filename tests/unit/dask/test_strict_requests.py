import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qhub_hub.dask.strict_requests import strict_requests


@pytest.fixture
async def client():
    async def echo(request):
        return web.json_response(await request.json())

    async def fails(request):
        raise RuntimeError("http://secret-internal token=abc")

    app = web.Application(middlewares=[strict_requests])
    with pytest.warns(web.NotAppKeyWarning):
        app["log"] = logging.getLogger("test")
    app.add_routes([web.post("/api/v1/clusters/", echo), web.post("/api/v1/scale", echo), web.get("/fails", fails)])
    async with TestClient(TestServer(app)) as found:
        yield found


@pytest.mark.parametrize(
    "body",
    ["[]", "null", "true", '"text"', "{", "\xff", '{"count": true}', '{"count": -1}', '{"minimum": "1"}'],
)
async def test_a_body_that_the_gateway_would_stumble_over_is_a_bad_request(client, body):
    answer = await client.post("/api/v1/scale", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"].endswith(".")


async def test_a_request_as_the_client_sends_it_passes(client):
    body = {"count": 3, "minimum": None}
    answer = await client.post("/api/v1/scale", data=json.dumps(body))
    assert await answer.json() == body


async def test_an_error_inside_is_a_sentence_without_its_text(client):
    answer = await client.get("/fails")
    assert answer.status == 500
    assert "secret" not in await answer.text()

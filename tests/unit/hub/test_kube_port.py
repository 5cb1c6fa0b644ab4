import asyncio
import socket

import pytest

from qhub_hub.hub.kube_port import until_it_listens


async def nothing() -> None:
    """There is always hope."""


async def test_it_returns_when_the_port_is_opened() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        waiting = asyncio.create_task(until_it_listens("127.0.0.1", port, nothing))
        await asyncio.sleep(0.12)  # refused meanwhile
        assert not waiting.done()
        taken.listen()
        async with asyncio.timeout(1):
            await waiting


async def test_a_busy_hub_does_not_take_its_own_delay_for_a_lost_packet() -> None:
    accepted = 0

    def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.close()

    async def busy() -> None:
        while True:
            await asyncio.sleep(0)
            await asyncio.to_thread(lambda: None)
            asyncio.get_running_loop().call_soon(lambda: sum(range(3_000_000)))

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    work = asyncio.create_task(busy())
    async with asyncio.timeout(5):
        await until_it_listens("127.0.0.1", server.sockets[0].getsockname()[1], nothing)
    work.cancel()
    server.close()
    await server.wait_closed()
    assert accepted <= 2


async def test_it_ends_when_there_is_nothing_to_wait_for() -> None:
    async def hopeless() -> None:
        raise LookupError

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(LookupError):
            await until_it_listens("127.0.0.1", closed.getsockname()[1], hopeless)

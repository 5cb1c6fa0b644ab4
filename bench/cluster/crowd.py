"""People who press Start one after the other, from a pod of the cluster: a port-forward does not carry so many.

It runs in the hub's image, with what to do as JSON on its standard input: address of the release, token of the service
`bench`, how many people, within how many seconds, and the most seconds that one waits. It prints each one's wait.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp

AGAIN = 0.25  # seconds between two looks of one person


async def waited(http: aiohttp.ClientSession, user: str, patience: float) -> float:
    """Seconds from somebody's Start to the first answer of their server."""
    begun = time.monotonic()
    async with http.post(f"/hub/api/users/{user}/server") as answer:
        if answer.status not in (201, 202):
            raise SystemExit(f"The start of {user} was answered with {answer.status}: {await answer.text()}")
    while time.monotonic() < begun + patience:
        async with http.get(f"/user/{user}/api/status") as answer:
            if answer.status == 200:
                return time.monotonic() - begun
        await asyncio.sleep(AGAIN)
    raise SystemExit(f"The server of {user} did not answer within {patience:.0f} s.")


async def crowd(job: dict[str, Any]) -> list[float]:
    """Everybody's wait in seconds."""
    headers = {"Authorization": f"token {job['token']}"}
    patient = aiohttp.ClientTimeout(total=job["patience"])
    async with aiohttp.ClientSession(job["address"], headers=headers, timeout=patient) as http:
        names = [f"user-{number}" for number in range(job["people"])]
        for name in names:
            async with http.post(f"/hub/api/users/{name}") as answer:
                answer.raise_for_status()

        async def one(number: int) -> float:
            await asyncio.sleep(job["within"] * number / len(names))
            return await waited(http, names[number], job["patience"])

        return await asyncio.gather(*(one(number) for number in range(len(names))))


print(json.dumps(asyncio.run(crowd(json.load(sys.stdin)))))

"""From the loss of a group to the end of the server: a thousand people with a thousand running servers.

A hub in a process of its own, with its database, a sign-in provider that answers over HTTP, and a fake cluster. First
one person loses the group, then a hundred at once, each time in the values file and at the provider. Goal: within
`revocationSeconds`, 60 unless stated.

Run: `python bench/revocation.py [people]`
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kube_spawn import OURS, Kind
from kube_thousand import QHUB, RECORD, Measured

from qhub_hub.testing.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from qhub_hub.testing.kube import FakeKube

PEOPLE = 1000
MANY = 100
ALLOWED = 60.0  # seconds, the default of `revocationSeconds`

SIGN_IN = """
from qhub_hub.hub.sign_in import configure
configure(c, site, None)
c.CryptKeeper.keys = [b"0" * 32]
c.OAuthenticator.oauth_callback_url = c.JupyterHub.bind_url + "/hub/oauth_callback"
"""

VALUES = """
qhub:
  culling: {{enabled: false}}
  groups:
    provided: {{}}
    declared: {{members: [{members}]}}
  profiles: {{small: {{cpu: {{limit: 1}}, memory: {{limit: 2G}}, allowedGroups: [provided]}}}}
  signIn:
    provider: oidc
    allow: everyone
    oidc: {{issuer: "{issuer}", clientId: {client}, secretFile: {secret}}}
"""


class Team:
    """The people, as the provider and the values file know them."""

    def __init__(self, folder: Path, provider: IdentityProvider, people: int) -> None:
        self.secret = folder / "secret"
        self.secret.write_text(CLIENT_SECRET)
        self.provider = provider
        self.names = [f"user-{number}" for number in range(people)]
        self.declared = list(self.names)
        for name in self.names:
            provider.add(name, "provided")

    @property
    def values(self) -> str:
        """The values file as it should be now."""
        return VALUES.format(
            members=", ".join(self.declared), issuer=self.provider.url, client=CLIENT_ID, secret=self.secret
        )

    def signed_in(self, name: str) -> dict[str, Any]:
        """What the hub keeps of somebody who has signed in."""
        token = {**self.provider.grant(name), "obtained_at": time.time(), "subject": f"id|{name}"}
        return {"auth_state": {"token_response": token, "refresh_token": token["refresh_token"]}}


async def seconds_until_gone(kube: FakeKube, names: list[str]) -> list[float]:
    """Seconds until the pod of each of them is gone."""
    begun, waiting, took = time.monotonic(), {f"jupyter-{name}" for name in names}, []
    while waiting:
        if time.monotonic() - begun > 4 * ALLOWED:
            raise TimeoutError(f"{len(waiting)} servers go on")
        gone = {name for name in waiting if kube.get("pods", name, "ours") is None}
        took += [time.monotonic() - begun] * len(gone)
        waiting -= gone
        await asyncio.sleep(0.05)
    return took


async def measure(hub: Measured, kube: FakeKube, team: Team) -> None:
    """Start a server for everybody, then take the groups of some of them."""
    await hub.ready()
    await hub.known()
    for name in team.names:
        await hub.http.patch(f"/users/{name}", json=team.signed_in(name))
    await hub.start(team.names)
    values = hub.folder / "values.yaml"
    for what, count in (
        ("one person", 1),
        (f"{min(MANY, len(team.names) // 4)} people", min(MANY, len(team.names) // 4)),
    ):
        losing, team.declared = team.declared[:count], team.declared[count:]
        values.write_text(team.values)
        say(f"{what} lost the group in the values", await seconds_until_gone(kube, losing), len(kube.pods("ours")))
        losing = team.declared[-count:]
        team.declared = team.declared[:-count]  # gone at the next change; these have no server by then
        for name in losing:
            team.provider.accounts[name].groups.clear()
        say(f"{what} lost the group at the provider", await seconds_until_gone(kube, losing), len(kube.pods("ours")))


def say(what: str, took: list[float], left: int) -> None:
    """Print what was found."""
    print(
        f"{what}: servers gone after {min(took):.1f}-{max(took):.1f} s (goal <= {ALLOWED:.0f}); {left} go on",
        flush=True,
    )


async def main(people: int) -> None:
    provider = IdentityProvider().start()
    try:
        with tempfile.TemporaryDirectory(prefix="qhub-bench-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            team = Team(folder, provider, people)
            async with FakeKube() as kube:
                kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours"}})
                kind = Kind(OURS + RECORD + SIGN_IN, run=("-c", QHUB), people=people, values=team.values)
                hub = Measured(folder / "hub", kube.kubeconfig(folder / "kubeconfig"), "ours", kind)
                try:
                    await measure(hub, kube, team)
                except (TimeoutError, RuntimeError):
                    print((hub.folder / "hub.log").read_text()[-3000:])
                    raise
                finally:
                    await hub.close()
    finally:
        provider.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE))

"""Which running servers are stopped, how soon, and at what cost, with a hub of plain objects."""

import asyncio
import time
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.hub.revocation import AT_ONCE, Revocation, announcement
from qhub_hub.hub.sign_in.refusals import ProviderUnavailable, SignedOut, SignInRefused
from qhub_hub.identity import Memberships, PreviewStore, identity_of
from qhub_hub.sessions import make_plan, parse_request, read_summary, summary

VALUES = {
    "groups": {"gpu": {}, "boss": {"admin": True}},
    "nodeGroups": {"user": {}},
    "profiles": {"small": {}, "gpu": {"allowedGroups": ["gpu"]}},
    "signIn": {"provider": "github", "github": {"clientId": "x"}, "allow": "everyone"},
}


class Site:
    """The part of a site that is asked, with ids in memory."""

    def __init__(self, **changes: Any) -> None:
        self.use(**changes)

    def use(self, **changes: Any) -> None:
        """Another version of the values is in force."""
        self.config = Config.model_validate({**VALUES, **changes})
        self.memberships = Memberships(self.config)
        self._store = PreviewStore()

    def identity(self, name: str, groups: frozenset[str]) -> Any:
        return identity_of(self.memberships, self._store, name, groups)

    def plan(self, identity: Any, options: Any, server: str, usage: Any) -> Any:
        return make_plan(self.config, identity, parse_request(options, server), (), usage)


class User:
    """Somebody with one running server."""

    def __init__(self, name: str, site: Site, *groups: str, profile: str = "small") -> None:
        self.name, self.admin = name, False
        self.groups = [SimpleNamespace(name=group) for group in groups]
        plan = site.plan(site.identity(name, frozenset(groups)), {"profile": profile}, "", None or _nothing())
        self.stopped: list[str] = []
        spawner = Spawner(name, summary(plan))
        self.spawners = {"": spawner}
        self.db = SimpleNamespace(commit=lambda: None)
        self.orm_user = self

    async def stop(self, server: str) -> None:
        await asyncio.sleep(0)
        self.stopped.append(server)
        self.spawners.pop(server)


class Spawner:
    """A running server."""

    name, ready, _stop_pending = "", True, False

    def __init__(self, owner: str, decided: Any) -> None:
        self._log_name = owner
        self.decided = read_summary(decided)
        self.orm_spawner = SimpleNamespace(started=datetime(2026, 1, 1))

    @property
    def pending(self) -> str | None:
        return "stop" if self._stop_pending else None


class Authenticator:
    """A provider that vouches for everybody but those in `refused`."""

    def __init__(self) -> None:
        self.confirmed: dict[str, float] = {}
        self.refused: dict[str, SignInRefused] = {}
        self.asked, self.at_once, self.most = 0, 0, 0

    async def confirm(self, user: User) -> SignInRefused | None:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        self.confirmed[user.name] = time.monotonic()
        return self.refused.get(user.name)

    def refusal(self, name: str, groups: frozenset[str]) -> str:
        return ""


def _nothing() -> Any:
    from qhub_hub.sessions import Usage

    return Usage()


class Log:
    """What an administrator reads."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, text: str, *values: object) -> None:
        self.lines.append(text % values)

    exception = warning


class People(dict[str, User]):
    """The hub's users, and its database as far as it is asked: who is in which group."""

    @property
    def db(self) -> "People":
        return self

    def execute(self, _question: object) -> list[tuple[str, str]]:
        return [(user.name, group.name) for user in self.values() for group in user.groups]


def revocation(site: Site, users: list[User], authenticator: Any) -> tuple[Revocation, Log]:
    async def delete_user(user: User, server: str) -> None:
        await asyncio.sleep(0)

    log = Log()
    proxy = SimpleNamespace(delete_user=delete_user)
    people = People({user.name: user for user in users})
    return Revocation(site, people, authenticator, proxy, log), log  # type: ignore[arg-type]


async def test_a_profile_that_is_no_longer_open_ends_its_servers_and_no_others() -> None:
    site = Site()
    ann, bob = User("ann", site, "gpu", profile="gpu"), User("bob", site)
    looks, log = revocation(site, [ann, bob], Authenticator())
    await looks.look()
    assert (ann.stopped, bob.stopped) == ([], [])
    ann.groups = []
    await looks.look()
    await looks.look()
    await looks.settled()
    assert (ann.stopped, bob.stopped) == ([""], [])
    assert any("Stopping the server ann" in line for line in log.lines)
    assert "not available to you" in looks.notice("ann")
    assert looks.notice("bob") == ""


async def test_limits_and_full_nodes_end_nothing_that_runs() -> None:
    site = Site()
    ann = User("ann", site)
    looks, _ = revocation(site, [ann], Authenticator())
    site.use(limits={"everyone": {"servers": 0}})
    await looks.look()
    await looks.settled()
    assert ann.stopped == []


async def test_a_group_is_lost_with_its_folder_even_where_the_profile_is_open() -> None:
    site = Site()
    ann = User("ann", site, "gpu")
    looks, _ = revocation(site, [ann], Authenticator())
    ann.groups = []
    await looks.look()
    await looks.settled()
    assert ann.stopped == [""]


@pytest.mark.parametrize(
    ("refused", "ends"), [(SignedOut("Gone."), True), (ProviderUnavailable("Down."), False)], ids=["gone", "down"]
)
async def test_only_a_final_answer_of_the_provider_ends_a_server(refused: SignInRefused, ends: bool) -> None:
    site = Site()
    ann, provider = User("ann", site), Authenticator()
    provider.refused["ann"] = refused
    looks, log = revocation(site, [ann], provider)
    await looks.look()
    await looks.settled()
    assert bool(ann.stopped) == ends
    assert any(refused.message in line for line in log.lines)


async def test_a_thousand_people_are_asked_about_once_per_period_a_few_at_a_time() -> None:
    site = Site()
    provider = Authenticator()
    looks, _ = revocation(site, [User(f"u{number}", site) for number in range(1000)], provider)
    await looks.look()
    assert provider.asked == 1000
    assert provider.most <= AT_ONCE
    begun = time.process_time()
    await looks.look()
    assert provider.asked == 1000, "the provider's word is still fresh"
    assert time.process_time() - begun < 0.25, "a look at nothing new is cheap"


async def test_an_answer_that_is_a_bug_does_not_end_the_looks() -> None:
    site = Site()
    ann, provider = User("ann", site, "gpu", profile="gpu"), Authenticator()
    provider.refusal = lambda name, groups: 1 / 0  # type: ignore[assignment, return-value]
    looks, log = revocation(site, [ann], provider)
    await looks.look()
    assert any("could not be checked" in line for line in log.lines)


async def test_without_an_authenticator_of_ours_lost_groups_still_count() -> None:
    site = Site()
    ann = User("ann", site, "gpu", profile="gpu")
    looks, _ = revocation(site, [ann], SimpleNamespace())
    ann.groups = []
    await looks.look()
    await looks.settled()
    assert ann.stopped == [""]


async def test_the_notice_goes_once_another_server_was_started() -> None:
    site = Site()
    ann = User("ann", site, "gpu", profile="gpu")
    looks, _ = revocation(site, [ann], Authenticator())
    ann.groups = []
    await looks.look()
    await looks.settled()
    ann.spawners[""] = User("ann", site).spawners[""]
    ann.spawners[""].orm_spawner.started = datetime.now() + timedelta(days=1)
    viewer = SimpleNamespace(name="ann", settings={"qhub_revocation": looks})
    assert "Your server was stopped" in announcement(viewer)
    await looks.look()
    assert announcement(viewer) == ""
    assert announcement(None) == ""

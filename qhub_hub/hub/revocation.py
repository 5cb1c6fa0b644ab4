"""Stops running servers whose owner may no longer have them, and takes administrators' rights back."""

import asyncio
import html
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from jupyterhub.roles import assign_default_roles
from jupyterhub.utils import utcnow
from tornado.ioloop import PeriodicCallback

from qhub_hub.config import Values
from qhub_hub.hub.planned import all_hub_groups, hub_groups
from qhub_hub.hub.rights import lost_right
from qhub_hub.hub.running import decided_of
from qhub_hub.hub.site import Site

AT_ONCE = 10  # questions to the provider at the same time
STOPPED_AT_ONCE = 50  # servers; while one stops, the hub waits for its pod
SLICE = 25  # people looked at between two turns of the event loop
CHECKED_BY = 0.6  # part of the time to revocation after which the provider is asked again; the rest is for stopping


class Revocation:
    """Looks after the running servers of one hub.

    Args:
        site: values in force.
        users: the hub's users.
        authenticator: one of ours can `confirm` somebody with the provider.
        proxy: a stopped server's route is taken out of it.
        log: the hub's log.
    """

    def __init__(self, site: Site, users: Any, authenticator: Any, proxy: Any, log: Any) -> None:
        self._site = site
        self._users = users
        self._authenticator = authenticator
        self._proxy = proxy
        self._log = log
        self._turn = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._ending = asyncio.Semaphore(STOPPED_AT_ONCE)
        self._looked_at: WeakKeyDictionary[Any, tuple[object, frozenset[str]]] = WeakKeyDictionary()
        self._administrators_of: object = None
        self._notices: dict[str, tuple[datetime, str]] = {}

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        return min(10.0, self._site.config.sign_in.revocation_seconds / 6)

    def values_changed(self, before: Values, after: Values) -> None:
        """For `LiveConfig.on_change`: look at once."""
        task = asyncio.get_running_loop().create_task(self.look())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def look(self) -> None:
        """Ask the provider about those whose turn it is, then stop what is no longer allowed. Never raises."""
        async with self._turn:
            try:
                await self._follow_administrators()
                # What is known already first: the provider may be slow.
                await self._stop_what_lost_its_right()
                await self._ask_the_provider()
            except Exception:
                # A bug must not end the looks that are still to come.
                self._log.exception("Running servers could not be checked against what their owners may have")

    async def settled(self) -> None:
        """Wait until everything that is being stopped has stopped."""
        while self._stopping:
            await asyncio.wait(self._stopping)

    def notice(self, name: str) -> str:
        """What somebody should know about a server that was stopped; empty: nothing."""
        return self._notices.get(name, (None, ""))[1]

    def _running(self) -> Iterable[tuple[Any, Any]]:
        for user in list(self._users.values()):
            for spawner in list(user.spawners.values()):
                if spawner.ready and not spawner.pending:
                    yield user, spawner

    async def _ask_the_provider(self) -> None:
        """Renew the provider's word on owners of running servers."""
        confirmed = getattr(self._authenticator, "confirmed", None)
        if confirmed is None:
            return
        age = self._site.config.sign_in.revocation_seconds * CHECKED_BY
        due = time.monotonic() - age
        owners = {user.name: user for user, _ in self._running() if confirmed.get(user.name, float("-inf")) <= due}
        oldest_first = sorted(owners.values(), key=lambda user: confirmed.get(user.name, float("-inf")))
        await asyncio.gather(*(self._ask_about(user) for user in oldest_first))

    async def _ask_about(self, user: Any) -> None:
        async with self._asking:
            refused = await self._authenticator.confirm(user)
        if refused is None:
            # At once: the answers about all others may take a while.
            for spawner in list(user.spawners.values()):
                self._check(user, spawner, hub_groups(user))
            return
        if not refused.final:
            self._log.warning("Servers of %s go on unchecked: %s", user.name, refused.message)
            return
        for spawner in list(user.spawners.values()):
            if spawner.ready and not spawner.pending:
                self._stop(user, spawner, refused.message)

    async def _stop_what_lost_its_right(self) -> None:
        everybody = list(self._running())
        provided = all_hub_groups(self._users.db) if everybody else {}
        for number, (user, spawner) in enumerate(everybody):
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            self._check(user, spawner, provided.get(user.name, frozenset()))

    def _check(self, user: Any, spawner: Any, provided: frozenset[str]) -> None:
        """Stop a server, if its owner may no longer have it. One that starts or stops is not touched.

        Args:
            provided: names of the groups that the hub's database has the owner in.
        """
        if not spawner.ready or spawner.pending:
            return
        if self._notices:
            self._forget_notice(user, spawner)
        known = (self._site.memberships, provided)
        if self._looked_at.get(spawner) == known:
            return
        decided = decided_of(spawner)
        sentence = lost_right(self._site, self._authenticator, user, decided) if decided else ""
        if sentence:
            self._stop(user, spawner, sentence)
        else:
            self._looked_at[spawner] = known

    def _forget_notice(self, user: Any, spawner: Any) -> None:
        since = self._notices.get(user.name)
        started = spawner.orm_spawner.started
        if since is not None and started is not None and started > since[0]:
            del self._notices[user.name]

    def _stop(self, user: Any, spawner: Any, why: str) -> None:
        self._log.warning("Stopping the server %s: %s", spawner._log_name, why)
        self._notices[user.name] = (utcnow(with_tz=False), why)
        # Before anything waits: no page may start or stop it meanwhile.
        spawner._stop_pending = True
        task = asyncio.get_running_loop().create_task(self._end(user, spawner))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _end(self, user: Any, spawner: Any) -> None:
        try:
            async with self._ending:
                await self._proxy.delete_user(user, spawner.name)
                await user.stop(spawner.name)
        except Exception:
            self._log.exception("The server %s could not be stopped; it is tried again", spawner._log_name)
        finally:
            spawner._stop_pending = False

    async def _follow_administrators(self) -> None:
        """Once per version of the values: rights given there are given, and all others are taken back."""
        memberships = self._site.memberships
        is_administrator = getattr(self._authenticator, "is_administrator", None)
        if is_administrator is None or memberships is self._administrators_of:
            return
        for number, user in enumerate(list(self._users.values())):
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            admin = bool(is_administrator(user.name, hub_groups(user)))
            if user.admin != admin:
                self._log.warning("%s is %s an administrator", user.name, "now" if admin else "no longer")
                user.admin = admin
                assign_default_roles(user.db, entity=user.orm_user)
                user.db.commit()
        self._administrators_of = memberships


def follow_rights(hub: Any) -> PeriodicCallback:
    """Have running servers looked after from now on.

    Args:
        hub: the application, once it has started.

    Returns:
        The timer, running; the application stops it when it ends.
    """
    site: Site = hub.tornado_settings["qhub"]
    revocation = Revocation(site, hub.users, hub.authenticator, hub.proxy, hub.log)
    hub.tornado_settings["qhub_revocation"] = revocation
    site.live.on_change(revocation.values_changed)
    timer = PeriodicCallback(revocation.look, revocation.every * 1000)
    timer.start()
    return timer


def announcement(user: Any) -> str:
    """For JupyterHub's template variable of this name: HTML for whoever looks at the page; empty: nothing to say."""
    revocation: Revocation | None = user.settings.get("qhub_revocation") if user is not None else None
    why = revocation.notice(user.name) if revocation is not None else ""
    return f"<strong>Your server was stopped.</strong> {html.escape(why)}" if why else ""

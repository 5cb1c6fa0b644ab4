"""JupyterHub as QHub runs it: live values, survivors of a crash told from orphans, a word when it is ready."""

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from jupyterhub.app import JupyterHub
from sqlalchemy.engine import make_url
from tornado.ioloop import PeriodicCallback
from traitlets import default

from qhub_hub.hub.culling import cull
from qhub_hub.hub.processes import end_left_behind, marks
from qhub_hub.hub.record_keeping import keep_record
from qhub_hub.hub.revocation import follow_rights
from qhub_hub.hub.routes import follow_proxy
from qhub_hub.hub.site import Site

REFRESH_EVERY = 1.0  # seconds between two looks at the values files; a changed one is in force within two


def follow(hub: Any, on_restart_needed: Callable[[tuple[str, ...]], None] = lambda keys: None) -> None:
    """From now on have the values followed, rights and idleness looked after, and usage written down.

    Args:
        hub: the application, once it has started.
        on_restart_needed: called when keys changed that are read at the start only, with their names.
    """
    site: Site = hub.tornado_settings["qhub"]

    def refresh() -> None:
        if site.refresh(hub.log) and (keys := site.live.restart_needed):
            on_restart_needed(keys)

    timer = PeriodicCallback(refresh, REFRESH_EVERY * 1000)
    timer.start()
    refresh()
    hub._periodic_callbacks["qhub_values"] = timer
    hub._periodic_callbacks["qhub_revocation"] = follow_rights(hub)
    hub._periodic_callbacks["qhub_culling"] = cull(hub)
    hub._periodic_callbacks["qhub_routes"] = follow_proxy(hub)
    if "qhub_usage" in hub.tornado_settings:
        hub._periodic_callbacks["qhub_usage"] = keep_record(hub)


def write_ahead(url: str) -> None:
    """Have a SQLite database wait for the disk once per change, and not four times, as its other databases do.

    What a hub has written before it was killed is brought into the file, so that JupyterHub's copy before an upgrade
    is whole. Where the file system can't do it, or something is wrong with the file, it stays as it is.

    Args:
        url: SQLAlchemy's address of any database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:") or parsed.query:
        return
    # JupyterHub opens it next, and says what is wrong with it.
    with suppress(sqlite3.Error), closing(sqlite3.connect(str(parsed.database))) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


class QHub(JupyterHub):  # type: ignore[misc]
    """The hub of one machine or of a release.

    Set before the start: `on_ready` is called once people can sign in, with a sentence for everything that was found
    running from before; `on_restart_needed` when keys changed that are read at the start only, with their names.
    """

    name = "jupyterhub"
    config_file = ""
    on_ready: Callable[[list[str]], None] = staticmethod(lambda found: None)
    on_restart_needed: Callable[[tuple[str, ...]], None] = staticmethod(lambda keys: None)
    failure: BaseException | None = None

    @property
    def site(self) -> Site:
        """The site that the wiring made."""
        return self.tornado_settings["qhub"]  # type: ignore[no-any-return]

    @default("classes")
    def _load_classes(self) -> list[type]:
        # What `--help-all` would list. JupyterHub's own default imports every spawner, authenticator and proxy that is
        # installed to find that out, half a second of each start.
        return []

    @default("log")
    def _log_default(self) -> logging.Logger:
        log: logging.Logger = super()._log_default()
        # With `debug` traitlets logs the configuration, and that holds every secret of the hub.
        log.addFilter(lambda record: not str(record.msg).startswith("Config changed"))
        return log

    def init_db(self) -> None:
        """Open the database; JupyterHub upgrades it with the program `alembic`, which lies beside our Python."""
        write_ahead(self.db_url)
        path = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
        try:
            super().init_db()
        finally:
            os.environ["PATH"] = path

    async def launch_instance_async(self, argv: list[str] | None = None) -> None:
        """Start, and keep the error instead of a traceback when that fails."""
        try:
            await self.initialize([])
            await self.start()
        except Exception as error:
            self.log.exception("The hub could not start")
            self.failure = error
            self.exit(1)

    async def start(self) -> None:
        """Start everything, then follow the values files."""
        found = await self._take_stock()
        await super().start()
        follow(self, self.on_restart_needed)
        self.on_ready(found)

    async def _take_stock(self) -> list[str]:
        """End processes that no server accounts for, and say what goes on from before a crash."""
        running = [spawner for user in self.users.values() for spawner in user.spawners.values() if spawner.active]
        ended = await asyncio.to_thread(self._end_orphans, running)
        sentences = []
        if running:
            names = ", ".join(sorted(spawner._log_name for spawner in running))
            sentences.append(f"Still running from before, and kept: {names}.")
        if ended:
            sentences.append(f"Ended {ended} processes that the last run left behind.")
        for sentence in sentences:
            self.log.warning(sentence)
        return sentences

    def _end_orphans(self, running: list[Any]) -> int:
        machine = self.site.machine
        if machine is None:
            return 0
        known = {spawner.mark for spawner in running if hasattr(spawner, "mark")}
        mine = {mark for _, mark in marks() if mark.startswith(f"{machine.mark}/")}
        groups = set(machine.limiter.names()) - {spawner.group for spawner in running if hasattr(spawner, "group")}
        ended = end_left_behind(
            mine - known, lambda: frozenset().union(*(machine.limiter.members(group) for group in groups))
        )
        for group in groups:
            machine.limiter.release(group)
        return ended

    def exit(self, exit_status: Any = 0) -> None:
        """Leave; children first, as a hub that failed half-way has some."""
        if exit_status and getattr(self, "proxy", None) is not None and getattr(self.proxy, "proxy_process", None):
            self.proxy.stop()
        super().exit(exit_status)

"""Tells the usage record and the metrics when a server starts and ends; `PlannedMixin` builds on it."""

from datetime import datetime
from logging import Logger
from typing import Any

from jupyterhub.utils import maybe_future, utcnow

from qhub_hub.hub.metrics import Spawns
from qhub_hub.hub.site import Site
from qhub_hub.hub.usage import Reason, UsageRecord, end_reason
from qhub_hub.hub.usage_database import UsageUnavailable
from qhub_hub.identity import Identity
from qhub_hub.sessions import PlanSummary, Rejected, Usage, limits_cost


class RecordedMixin:
    """Put before a spawner class and behind the one that plans, whose `decided` says what is started.

    The hub's settings hold the record as `qhub_usage` and the metrics as `qhub_spawns`; what is missing is not told.
    """

    # Of the spawner that this is mixed into.
    name: str
    user: Any
    orm_spawner: Any
    log: Logger

    _starting = False
    _polling = False
    _died = False
    _begun: datetime | None = None
    _last_active: datetime | None = None
    _decided: PlanSummary | None = None

    @property
    def decided(self) -> PlanSummary | None:
        """What was decided for this server; None: nothing is."""
        raise NotImplementedError

    @property
    def _record(self) -> UsageRecord | None:
        record: UsageRecord | None = self.user.settings.get("qhub_usage")
        return record

    def spawned(self, outcome: str) -> None:
        """Count a start.

        Args:
            outcome: `started`, `failed`, or the reason of a rejection.
        """
        spawns: Spawns | None = self.user.settings.get("qhub_spawns")
        if spawns is not None:
            spawns.spawned(self._decided.profile if self._decided else "", outcome)

    def with_cost_today(self, usage: Usage, identity: Identity) -> Usage:
        """What is used now, with what was paid today where a limit asks for it.

        Raises:
            Rejected: the record does not answer, so nobody knows whether the limit holds.
        """
        site: Site = self.user.settings["qhub"]
        if not limits_cost(site.config, identity):
            return usage
        try:
            if self._record is None:
                raise UsageUnavailable("This hub keeps no usage record, but the values limit costs.")
            paid = self._record.cost_today(self.user.name, identity.group_names, site.config.prices.currency)
        except UsageUnavailable as error:
            self.log.error("%s", error)
            raise Rejected(
                "unavailable",
                "What you used today can't be looked up now. An administrator finds the reason in the log.",
            ) from error
        return usage.with_cost_today(paid.people, paid.groups)

    def open_run(self) -> None:
        """Write down what was decided: it counts for limits of cost from now on.

        Raises:
            Rejected: it can't be recorded, so limits of cost could not be held.
        """
        self._decided = self.decided
        if self._record is None or self._decided is None:
            return
        try:
            self._record.started(self.user.name, self.name, self._decided)
        except UsageUnavailable as error:
            self.log.error("%s", error)
            raise Rejected(
                "unavailable", "Your server's use can't be recorded now. An administrator finds the reason in the log."
            ) from error

    async def run_pre_spawn_hook(self) -> None:
        """Begin a start, then the site's own hook."""
        self._starting, self._died = True, False
        await maybe_future(super().run_pre_spawn_hook())  # type: ignore[misc]

    def start_polling(self) -> None:
        """The server is up: JupyterHub 6.1 begins to look after it here, and only then (`User.spawn`)."""
        if self._starting:
            self._starting = False
            self.spawned("started")
        super().start_polling()  # type: ignore[misc]

    async def poll_and_notify(self) -> Any:
        """Remember that whatever stops the polling meanwhile is the end of the server by itself."""
        self._polling = True
        try:
            return await super().poll_and_notify()  # type: ignore[misc]
        finally:
            self._polling = False

    def stop_polling(self) -> None:
        """Keep what is gone when the end is told: JupyterHub 6.1 overwrites times (`User.stop`), a spawner its plan."""
        self._died = self._died or self._polling
        self._decided = self.decided or self._decided
        self._begun, self._last_active = self.orm_spawner.started, self.orm_spawner.last_activity
        super().stop_polling()  # type: ignore[misc]

    async def run_post_stop_hook(self) -> None:
        """Close the run, then the site's own hook."""
        reason = self._reason()
        if self._starting:
            self._starting = False
            self.spawned("failed")
        self.close_run(reason)
        self._decided = None
        await maybe_future(super().run_post_stop_hook())  # type: ignore[misc]

    def close_run(self, reason: Reason) -> None:
        """Write down that the server has ended, or was not started after all; nothing where no run is open."""
        if self._record is None:
            return
        try:
            self._record.ended(self.user.name, self.name, reason)
        except UsageUnavailable as error:
            # It stays open, and is closed by the next start with the time at which it was last seen.
            self.log.error("%s", error)

    def _reason(self) -> Reason:
        if self._starting:
            return "failed"
        if self._died:
            return "died"
        revocation = self.user.settings.get("qhub_revocation")
        if revocation is not None and revocation.notice(self.user.name):
            return "revoked"
        policy = self._decided.idle if self._decided else None
        return end_reason(policy, age=_since(self._begun), inactive=_since(self._last_active))


def _since(moment: datetime | None) -> float:
    """Seconds since a moment of the hub's database, which is in UTC and does not say so."""
    return (utcnow(with_tz=False) - moment).total_seconds() if moment is not None else 0.0

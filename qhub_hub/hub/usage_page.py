"""`/hub/qhub/usage`: hours and costs, for administrators of everybody and for people of themselves."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from qhub_hub.hub.usage import UsageRecord, midnight
from qhub_hub.hub.usage_database import UsageUnavailable
from qhub_hub.hub.usage_report import Question, Report, report

PERIODS = {"today": ("Today (UTC)", 0), "7d": ("7 days", 7), "30d": ("30 days", 30)}
"""What can be chosen: its title and days before now."""


class UsagePage(BaseHandler):  # type: ignore[misc]  # jupyterhub is seen without types
    """What ran and what it cost."""

    @web.authenticated
    async def get(self) -> None:
        """The page of the period that `?period=` names; 30 days unless it is given."""
        period = self.get_argument("period", "30d")
        if period not in PERIODS:
            raise web.HTTPError(400, log_message=f"Unknown period {period!r}")
        everybody = "admin-ui" in self.expanded_scopes
        user = self.current_user
        found = await self._report(period, "" if everybody else user.name)
        page = self.render_template(
            "usage.html",
            sync=True,
            user=user,
            periods={key: title for key, (title, _) in PERIODS.items()},
            period=period,
            everybody=everybody,
            total=found.total,
            tables=_tables(found, everybody),
        )
        self.finish(page)

    async def _report(self, period: str, name: str) -> Report:
        record: UsageRecord = self.settings["qhub_usage"]
        question = Question(since_of(period), datetime.now(UTC), user=name)
        try:
            # In a thread: the sums of a month may take a while, and the hub has only one to answer everybody.
            return await asyncio.to_thread(report, record.database, question)
        except UsageUnavailable as error:
            self.log.error("%s", error)
            raise web.HTTPError(503, log_message="The usage record can't be read") from error


def since_of(period: str, now: datetime | None = None) -> datetime:
    """When a period begins: today at midnight UTC, the others so many days ago."""
    moment = now or datetime.now(UTC)
    days = PERIODS[period][1]
    return moment - timedelta(days=days) if days else datetime.fromtimestamp(midnight(moment.timestamp()), UTC)


def _tables(found: Report, everybody: bool) -> list[dict[str, Any]]:
    profiles = {"title": "By profile", "of": "Profile", "lines": found.profiles, "note": ""}
    if not everybody:
        return [profiles]
    note = "Somebody in several groups counts in each of them, so these don't add up."
    return [
        {"title": "By person", "of": "Person", "lines": found.people, "note": ""},
        {"title": "By group", "of": "Group", "lines": found.groups, "note": note},
        profiles,
    ]


def handlers() -> Sequence[tuple[Any, ...]]:
    """For `JupyterHub.extra_handlers`."""
    return ((r"/qhub/usage", UsagePage),)

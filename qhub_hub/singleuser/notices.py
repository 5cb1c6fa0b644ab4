"""A word before the server is stopped: for JupyterLab's page, and in open terminals when its age ends it.

A Jupyter Server extension; the page's half is the prebuilt JupyterLab extension `qhub-notices`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jupyter_server._tz import utcnow
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.ioloop import PeriodicCallback

HEADER = "QHub-Notice"
_TOLD_AT = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
)  # minutes: a sentence that changed every minute would be read out every minute
_LOOK_EVERY = 20.0  # seconds between two looks whether terminals must be told


@dataclass(frozen=True, slots=True)
class Terms:
    """When this server is stopped, as the hub decided it. Seconds; 0: never.

    Args:
        idle: without activity.
        max_age: in any case.
        warning: how long before that its owner is told; at most half of the limit.
    """

    idle: int
    max_age: int
    warning: int

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Terms":
        """As `QHUB_IDLE`, `QHUB_MAX_AGE` and `QHUB_WARNING` say; what is no number is 0."""
        texts = (env.get(name, "") for name in ("QHUB_IDLE", "QHUB_MAX_AGE", "QHUB_WARNING"))
        return cls(*(int(text) if text.isascii() and text.isdecimal() else 0 for text in texts))


def notice(terms: Terms, *, age: float, inactive: float) -> str:
    """What the person should know now, in ASCII; empty: nothing. JupyterLab 4 cuts what is longer than 140 characters.

    Args:
        age: seconds since the server started.
        inactive: seconds since its last activity.
    """
    by_age, by_idle = _due(terms.max_age, age, terms.warning), _due(terms.idle, inactive, terms.warning)
    if by_age is not None and (by_idle is None or by_age <= by_idle):
        return (
            f"Your server stops {_within(by_age)}: it may run for {_span(terms.max_age)} at a time. "
            "Save your work. Files are kept; running programs end."
        )
    if by_idle is not None:
        return (
            f"Your server stops {_within(by_idle)}, because nothing happens in it. "
            "Work in a notebook or terminal to keep it. Files are kept."
        )
    return ""


def _due(limit: int, passed: float, warning: int) -> float | None:
    """Seconds that are left, once they are few enough to be told."""
    # Half: whoever is stopped after ten minutes need not read about it from the first one on.
    left = limit - passed
    return max(0.0, left) if limit and left <= min(warning, limit / 2) else None


def _within(seconds: float) -> str:
    minutes = next((step for step in _TOLD_AT if seconds <= step * 60), 0)
    if not minutes:
        return f"in about {_span(seconds)}"
    return "within a minute" if minutes == 1 else f"within {minutes} minutes"


def _span(seconds: float) -> str:
    # Not config's `show_seconds`: with it every start of a server would import all models of the values file.
    return f"{seconds / 3600:.3g} h" if seconds >= 2 * 3600 else f"{seconds / 60:.3g} min"


class End:
    """What this server's owner should know about its end.

    Args:
        application: the server's web application.
        terms: when it is stopped.
    """

    def __init__(self, application: Any, terms: Terms) -> None:
        self._application = application
        self._terms = terms
        self._told = ""

    def notice(self) -> str:
        """The sentence for the page."""
        return notice(self._terms, age=self._since(self._application.settings["started"]), inactive=self._inactive())

    def tell_terminals(self) -> None:
        """Write a line into open terminals when the end by age comes nearer.

        Not about idleness: somebody who sees a terminal on the screen is there, and what is written to one counts as
        activity.
        """
        by_age = Terms(0, self._terms.max_age, self._terms.warning)
        text = notice(by_age, age=self._since(self._application.settings["started"]), inactive=0)
        if text and text != self._told:
            manager = self._application.settings.get("terminal_manager")
            for terminal in list(manager.terminals.values()) if manager is not None else ():
                for client in list(terminal.clients):
                    client.on_pty_read(f"\r\n{text}\r\n")
        self._told = text

    def _inactive(self) -> float:
        return self._since(self._application.last_activity())

    def _since(self, moment: datetime) -> float:
        return (utcnow() - moment).total_seconds()


class EndHandler(APIHandler):
    """`GET <server>/qhub/end`: the sentence as a header of an answer that nobody takes for activity.

    The proxy counts every answer below 300 as activity (configurable-http-proxy 5, `handleProxy`), so a page that asks
    whether the server is idle would keep it from ever being. 304 it does not count, and browsers show no error.
    """

    _track_activity = False

    def initialize(self, end: End) -> None:
        """What Tornado hands over from the table of handlers."""
        self._end = end

    @web.authenticated
    def get(self) -> None:
        """Answer 304, with the header while there is something to say."""
        if text := self._end.notice():
            self.set_header(HEADER, text)
        self.set_status(304)
        self.finish()


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Answer the page, and tell terminals until the server ends."""
    application = serverapp.web_app
    end = End(application, Terms.of(os.environ))
    path = url_path_join(application.settings["base_url"], "qhub", "end")
    application.add_handlers(".*$", [(path, EndHandler, {"end": end})])
    PeriodicCallback(end.tell_terminals, _LOOK_EVERY * 1000).start()


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]

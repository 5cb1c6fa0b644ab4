"""What people are told before their server ends, and when."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server._tz import utcnow

from qhub_hub.singleuser.notices import End, Terms, notice

DAY = 86400
TERMS = Terms(idle=3600, max_age=8 * 3600, warning=600)


@pytest.mark.parametrize(
    ("terms", "age", "inactive", "beginning"),
    [
        (TERMS, 100, 2999, ""),
        (TERMS, 100, 3001, "Your server stops within 10 minutes, because nothing happens in it."),
        (TERMS, 100, 3350, "Your server stops within 5 minutes, because"),
        (TERMS, 100, 9999, "Your server stops within a minute, because"),
        (TERMS, 8 * 3600 - 100, 0, "Your server stops within 2 minutes: it may run for 8 h at a time. Save"),
        (TERMS, 8 * 3600 - 500, 3590, "Your server stops within a minute, because"),
        (TERMS, 8 * 3600 - 10, 3500, "Your server stops within a minute: it may"),
        (Terms(600, 0, 600), 100, 200, ""),
        (Terms(600, 0, 600), 100, 310, "Your server stops within 5 minutes"),
        (Terms(0, 0, 600), 9e9, 9e9, ""),
        (Terms(3600, 3600, 0), 3590, 3590, ""),
        (Terms(0, 7 * DAY, 2 * DAY), 6 * DAY, 0, "Your server stops in about 24 h: it may run for 168 h"),
    ],
    ids=[
        "not yet",
        "idle",
        "idle, later",
        "the culler is late",
        "age",
        "idleness first",
        "age first",
        "half of a short limit",
        "short limit",
        "never",
        "no warnings",
        "days",
    ],
)
def test_the_notice_names_the_nearer_end_and_what_to_do(
    terms: Terms, age: float, inactive: float, beginning: str
) -> None:
    text = notice(terms, age=age, inactive=inactive)
    assert text.startswith(beginning)
    assert bool(text) == bool(beginning)
    assert not text or "Files are kept" in text


@given(*[st.integers(0, 10 * DAY)] * 3, *[st.floats(0, 20 * DAY)] * 2)
def test_a_notice_is_always_a_header_that_http_can_carry(
    idle: int, max_age: int, warning: int, age: float, inactive: float
) -> None:
    text = notice(Terms(idle, max_age, warning), age=age, inactive=inactive)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 140, "JupyterLab cuts it"


def test_terms_that_are_no_numbers_end_nothing() -> None:
    assert Terms.of({"QHUB_IDLE": "1h", "QHUB_MAX_AGE": "-5"}) == Terms(0, 0, 0)
    assert Terms.of({"QHUB_IDLE": "60", "QHUB_MAX_AGE": "70", "QHUB_WARNING": "5"}) == Terms(60, 70, 5)


def test_open_terminals_get_one_line_when_the_age_ends_the_server_and_none_when_it_is_idle() -> None:
    lines: list[str] = []
    terminal = SimpleNamespace(clients=[SimpleNamespace(on_pty_read=lines.append)])
    settings = {"started": utcnow() - timedelta(hours=7, minutes=56)}
    application = SimpleNamespace(settings=settings, last_activity=lambda: utcnow() - timedelta(minutes=59))
    End(application, TERMS).tell_terminals()  # no terminal was opened yet
    settings["terminal_manager"] = SimpleNamespace(terminals={"1": terminal})
    end = End(application, TERMS)
    end.tell_terminals()
    end.tell_terminals()
    assert len(lines) == 1
    assert "within 5 minutes: it may run for 8 h" in lines[0]
    assert "because nothing happens" in end.notice(), "idleness comes first, and is told on the page only"

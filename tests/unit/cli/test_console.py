"""What is printed while something takes time."""

import io

import pytest

from qhub_hub.cli.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_plain_lines() -> None:
    stream = io.StringIO()
    console = Console(stream)
    with console.step("Doing this"):
        console.line("in between")
    assert stream.getvalue() == "  Doing this …\nin between\n"
    assert not console.terminal


def test_a_terminal_gets_the_time_it_took() -> None:
    stream = Terminal()
    with Console(stream).step("Doing this"):
        pass
    assert stream.getvalue() == "  Doing this …\r  Doing this … 0.0 s\n"


def test_an_error_begins_on_a_line_of_its_own() -> None:
    stream = Terminal()
    with pytest.raises(ValueError, match="no"), Console(stream).step("Doing this"):
        raise ValueError("no")
    assert stream.getvalue() == "  Doing this …\n"

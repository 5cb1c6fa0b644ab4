"""A machine without libnss_wrapper: servers start all the same, and everybody is told why names are numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.installation.libraries import find_nss_wrapper
from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.terminal import type_into_terminal

pytestmark = pytest.mark.root


@pytest.fixture
def hub(open_folder: Path) -> Iterator[RunningHub]:
    """A hub that sees a machine on which the library, if it is installed, is not a file any more."""
    values = open_folder / "no-library.yaml"
    values.write_text("")
    hidden = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', str(find_nss_wrapper()))
    running = RunningHub(open_folder / "no-library", values, via=hidden if find_nss_wrapper() else ())
    yield running.start()
    running.stop()


def test_the_server_starts_and_it_is_said_that_names_are_numbers(hub: RunningHub) -> None:
    assert "note: Names are shown as numbers in servers: libnss_wrapper is missing" in hub.said()
    zoe = hub.person("zoe")
    assert "libnss_wrapper is missing" in zoe.http.get("/hub/spawn").text
    assert zoe.start().status_code in (201, 202)
    assert type_into_terminal(zoe, "id -u; whoami 2>&1; echo $USER").splitlines()[::2] == ["100000", "zoe"]
    assert "libnss_wrapper is not installed" in zoe.open_server().text
    zoe.stop()

"""Names that people sign in with: accepted safely or refused with a sentence; never another's home."""

from collections.abc import Callable

import pytest

from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.terminal import type_into_terminal

Up = Callable[..., RunningHub]


@pytest.fixture(scope="module")
def open_hub(qhub_up: Up) -> RunningHub:
    """A hub where everybody may sign in under any legal name."""
    return qhub_up("names")


@pytest.mark.parametrize(
    "name", ["root", "daemon", "nobody", "a/b", "../ann", "a:b", "a\nb", "x" * 300, "$(id)", "a'b"]
)
def test_a_dangerous_name_is_refused_with_a_sentence(open_hub: RunningHub, name: str) -> None:
    person = open_hub.person(name)
    assert person.answer.status_code in (403, 400)
    assert "Traceback" not in person.answer.text
    assert person.api("GET", "/user").status_code == 403
    assert person.http.get("/hub/spawn").url.path == "/hub/login"


@pytest.mark.root
def test_unusual_names_get_homes_of_their_own(open_hub: RunningHub) -> None:
    homes = {}
    names = ["josé", "jose", "jos", "ann.b", "ann-b", "ann@example.org", "ann example.org", "李雷", "ann%20b"]
    for name in names:
        person = open_hub.person(name)
        if person.answer.status_code != 200:
            assert name == "ann%20b", f"{name} was refused"
            continue
        assert person.http.get("/hub/spawn").status_code == 200
        answer = person.submit({"profile": "small"})
        assert answer.status_code == 302, answer.text
        homes[name] = None
    found = sorted(path.name for path in (open_hub.state / "files/home").iterdir())
    assert len(set(found)) == len(homes)
    owners = {path.stat().st_uid for path in (open_hub.state / "files/home").iterdir()}
    assert len(owners) == len(homes)


@pytest.mark.root
def test_an_address_as_a_name_works_to_the_end(open_hub: RunningHub) -> None:
    person = open_hub.person("ann@example.org")
    if not person.server():
        person.start()
    person.wait_for()
    assert type_into_terminal(person, "whoami") == "ann@example.org"
    person.stop()


def test_a_password_of_other_letters_is_refused_and_not_an_error(open_hub: RunningHub) -> None:
    person = Person(open_hub.address, "zoe", "пароль")
    assert person.answer.status_code == 403
    assert "Invalid username or password" in person.answer.text
    person.close()

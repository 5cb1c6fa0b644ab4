"""Names: nobody is mistaken for somebody else, or for the system."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qhub_hub.config.names import InvalidName, check_group_name, check_user_name
from qhub_hub.identity import directory_name, group_posix_name, posix_name
from qhub_hub.identity.base_entries import SYSTEM_NAMES

from .conftest import steady

LEGAL = re.compile(r"[a-z_][a-z0-9_.@-]{0,62}")


def accepted(check):
    def keep(name: str) -> bool:
        try:
            check(name)
        except InvalidName:
            return False
        return True

    return keep


anything = st.text(st.characters(codec="utf-8"), min_size=1, max_size=255)
lookalikes = st.text("aAä.-_@ 0/", min_size=1, max_size=6)  # where collisions would hide
user_names = (anything | lookalikes).filter(accepted(check_user_name))
group_names = (anything | lookalikes).filter(accepted(check_group_name))


@pytest.mark.parametrize("name", ["ann", "ann.b", "ann@example.org", "_svc", "a-b", "x" * 32])
def test_names_that_linux_accepts_stay_as_they_are(name: str) -> None:
    assert posix_name(name) == group_posix_name(name) == directory_name("user", name) == name


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("Ann", "ann"),
        ("Ann Lee", "ann-lee"),
        ("Zoë", "zoe"),
        ("李雷", "user"),
        ("12345", "_12345"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("a--b", "a-b"),
        ("x" * 255, "x" * 32),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_other_names_keep_a_readable_part_and_get_a_hash(name: str, readable: str) -> None:
    assert re.fullmatch(rf"{re.escape(readable)}--[a-z2-7]{{16}}", posix_name(name))


@steady
@given(user_names)
def test_every_legal_user_name_becomes_a_safe_one_or_is_refused_with_a_sentence(name: str) -> None:
    if name in SYSTEM_NAMES:
        with pytest.raises(InvalidName, match=r"\.$"):
            posix_name(name)
    else:
        assert LEGAL.fullmatch(posix_name(name))
        assert posix_name(name) not in SYSTEM_NAMES


@steady
@given(group_names)
def test_every_legal_group_name_becomes_a_safe_one_that_is_not_the_systems(name: str) -> None:
    assert LEGAL.fullmatch(group_posix_name(name))
    assert group_posix_name(name) not in SYSTEM_NAMES


@steady
@given(user_names, user_names)
@example("Ann", "ann")
@example("a b", "a-b")
@example("zoë", "zoe")
def test_two_users_never_become_one(one: str, other: str) -> None:
    assume(one != other and not {one, other} & SYSTEM_NAMES)
    assert posix_name(one) != posix_name(other)
    assert directory_name("user", one) != directory_name("user", other)


@steady
@given(group_names, group_names)
@example("/teamA/research", "/teamB/research")
@example("data", "/data")
@example("a/b", "a-b")
@example("Data", "data")
def test_two_groups_never_become_one(one: str, other: str) -> None:
    assume(one != other)
    assert group_posix_name(one) != group_posix_name(other)
    assert directory_name("group", one) != directory_name("group", other)


@steady
@given(user_names)
def test_the_name_that_somebody_was_escaped_to_can_not_be_taken_by_another(name: str) -> None:
    assume(name not in SYSTEM_NAMES)
    escaped = posix_name(name)
    assume(escaped != name)
    assert posix_name(escaped) != escaped


@steady
@given(user_names)
def test_folders_are_never_hidden_and_never_differ_by_case_only(name: str) -> None:
    folder = directory_name("user", name)
    assert not folder.startswith(".")
    assert folder == folder.casefold()
    assert len(folder.encode()) <= 63


@pytest.mark.parametrize("name", ["root", "daemon", "nobody", "www-data", "staff", "sudo", "jovyan"])
def test_names_of_the_system_are_refused_for_people_and_escaped_for_groups(name: str) -> None:
    with pytest.raises(InvalidName, match=f"'{name}' belongs to the operating system"):
        posix_name(name)
    assert group_posix_name(name).startswith(f"{name}--")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a:b", "a\nb", "a\0b", "x" * 300, " a", "a,b"])
def test_illegal_names_get_a_sentence(name: str) -> None:
    with pytest.raises(InvalidName, match=r"\.$"):
        posix_name(name)

"""Identities travel as lines: every number, name and counter comes back, and nothing else gets in."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.cli.archive import identities
from qhub_hub.cli.archive.contents import BadArchive
from qhub_hub.identity import HighWater
from qhub_hub.identity.store import IdentityStore


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    store = IdentityStore(url(tmp_path / "a.sqlite"))
    store.users({"ann": None, "bob": 120_001, "left": None, "späte": None})
    store.group("/lab/gpu")
    store.retire("user", "left", for_good=True)
    store.rename("user", "ann", "ann.lee")
    store.close()
    identities.export(url(tmp_path / "a.sqlite"), tmp_path / "identities.jsonl")
    return tmp_path / "identities.jsonl"


def test_a_restored_database_says_and_does_what_the_old_one_would(lines: Path, tmp_path: Path) -> None:
    identities.write(url(tmp_path / "b.sqlite"), identities.read(lines))
    old, new = IdentityStore(url(tmp_path / "a.sqlite")), IdentityStore(url(tmp_path / "b.sqlite"))
    assert new.records() == old.records()
    assert new.high_water == old.high_water
    assert new.user("left") == old.user("left")  # another person of that name, in both
    assert new.user("next") == old.user("next")
    assert new.group("further") == old.group("further")
    old.close()
    new.close()


def test_counters_pass_a_newer_mark_with_room_for_ids_that_left_no_trace(lines: Path) -> None:
    known = identities.read(lines)
    assert known.advanced(known.high_water) == known
    later = known.advanced(HighWater(known.realm, 100_050, 0))
    assert later.high_water.last_user_id >= 100_150
    assert later.high_water.last_group_id == known.high_water.last_group_id


BROKEN = {
    "a number of root": ("number", 0),
    "a number as text": ("number", "100001"),
    "a number that is a truth": ("number", True),
    "a kind that does not exist": ("kind", "admin"),
    "a state that does not exist": ("state", "king"),
    "an empty name": ("name", ""),
    "a name without end": ("name", "x" * 300),
    "no name": ("name", None),
}


@pytest.mark.parametrize(("column", "value"), BROKEN.values(), ids=BROKEN)
def test_a_line_that_no_qhub_writes_is_refused_with_its_number(lines: Path, column: str, value: object) -> None:
    head, first, *rest = lines.read_text().splitlines()
    lines.write_text("\n".join([head, json.dumps({**json.loads(first), column: value}), *rest]))
    with pytest.raises(BadArchive, match=r"line 2 of identities\.jsonl"):
        identities.read(lines)


@given(text=st.text(max_size=200) | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_whatever_the_file_holds_it_is_refused_and_not_a_crash(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "identities.jsonl"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(BadArchive):
        identities.read(path)

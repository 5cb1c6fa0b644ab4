"""passwd and group text: C reads exactly what was meant, or the text is never written."""

import ctypes
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qhub_hub.identity import RenderError, View, render_group, render_passwd
from qhub_hub.identity.base_entries import BASE_GROUPS, BASE_PASSWD
from qhub_hub.identity.entries import GroupEntry, PasswdEntry, parse_group, parse_passwd

from .conftest import steady

ANN = PasswdEntry("ann", 100_000, 100_000, "Ann Lee", "/home/ann", "/bin/bash")
DATA = GroupEntry("data", 70_000, ("ann", "bob"))


class CPasswd(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("uid", ctypes.c_uint),
        ("gid", ctypes.c_uint),
        ("gecos", ctypes.c_char_p),
        ("home", ctypes.c_char_p),
        ("shell", ctypes.c_char_p),
    )


class CGroup(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("gid", ctypes.c_uint),
        ("members", ctypes.POINTER(ctypes.c_char_p)),
    )


def read_by_glibc(text: str, function: str, struct: type) -> list:
    """What `fgetpwent` or `fgetgrent` reads from this text."""
    libc = ctypes.CDLL(None)
    libc.fmemopen.restype = ctypes.c_void_p
    read = getattr(libc, function)
    read.argtypes, read.restype = [ctypes.c_void_p], ctypes.POINTER(struct)
    content = text.encode()
    stream = libc.fmemopen(content, ctypes.c_size_t(len(content)), b"r")
    entries = []
    while entry := read(stream):
        one = entry.contents
        if struct is CPasswd:
            texts = [field.decode() for field in (one.gecos, one.home, one.shell)]
            entries.append(PasswdEntry(one.name.decode(), one.uid, one.gid, *texts))
        else:
            members = []
            while one.members[len(members)]:
                members.append(one.members[len(members)].decode())
            entries.append(GroupEntry(one.name.decode(), one.gid, tuple(members)))
    libc.fclose(ctypes.c_void_p(stream))
    return entries


names = st.builds(str.__add__, st.sampled_from("abz_"), st.text("abcxyz0189_.@-", max_size=62))
numbers = st.integers(0, 2**31 - 1)
# Now and then something that must be refused; mostly not, or the examples would all be spent on refusals.
printable = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=":")
texts = st.text(printable | st.sampled_from(":\n\r\x00\u2028"), max_size=20)
paths = texts.map(lambda text: f"/{text}")
users = st.builds(PasswdEntry, names, numbers, numbers, texts, paths, paths)
groups = st.builds(GroupEntry, names, numbers, st.lists(names, max_size=8, unique=True).map(tuple))


@steady
@given(st.lists(users, min_size=1, max_size=8, unique_by=(lambda u: u.name, lambda u: u.uid)))
def test_glibc_reads_every_rendered_passwd_file_as_it_was_meant(entries: list[PasswdEntry]) -> None:
    try:
        text = render_passwd(View(tuple(entries), ()))
    except RenderError:
        assume(False)
    assert read_by_glibc(text, "fgetpwent", CPasswd) == sorted(entries, key=lambda entry: entry.uid)


@steady
@given(st.lists(groups, min_size=1, max_size=8, unique_by=(lambda g: g.name, lambda g: g.gid)))
def test_glibc_reads_every_rendered_group_file_as_it_was_meant(entries: list[GroupEntry]) -> None:
    text = render_group(View((), tuple(entries)))
    assert read_by_glibc(text, "fgetgrent", CGroup) == sorted(entries, key=lambda entry: entry.gid)


@pytest.mark.parametrize(
    "change",
    [
        {"gecos": "Ann: the boss"},
        {"gecos": "Ann\nroot::0:0::/:/bin/sh"},
        {"gecos": "Ann\0"},
        {"gecos": "\ud800"},
        {"home": "/home/a:b"},
        {"home": "home/ann"},
        {"shell": ""},
        {"shell": "/bin/sh\r"},
        {"name": "#ann"},
        {"name": "+ann"},
        {"name": "ann:x"},
        {"name": "Ann"},
        {"name": ""},
        {"name": "ann\n"},
        {"name": "a" * 64},
        {"uid": -5},
        {"uid": 99_999_999_999},
        {"gid": 2**31},
    ],
    ids=ascii,
)
def test_a_field_that_would_be_read_as_something_else_is_refused(change: dict) -> None:
    with pytest.raises(RenderError, match=r"\.$"):
        render_passwd(View((replace(ANN, **change),), ()))


@pytest.mark.parametrize(
    "change",
    [
        {"members": ("ann", "ann")},
        {"members": ("ann,root",)},
        {"members": ("",)},
        {"members": ("a:b",)},
        {"name": "wheel\nroot"},
        {"gid": -1},
    ],
    ids=ascii,
)
def test_a_group_that_would_be_read_as_something_else_is_refused(change: dict) -> None:
    with pytest.raises(RenderError, match=r"\.$"):
        render_group(View((), (replace(DATA, **change),)))


@pytest.mark.parametrize("change", [{"name": "bob"}, {"uid": 5000}], ids=ascii)
def test_two_entries_with_one_name_or_number_are_refused(change: dict) -> None:
    other = replace(ANN, **change)
    with pytest.raises(RenderError, match="Two entries have the same"):
        render_passwd(View((ANN, other), ()))
    with pytest.raises(RenderError, match="Two entries have the same"):
        render_group(View((), (DATA, replace(DATA, name="other"))))


@pytest.mark.parametrize(
    "text", ["ann:x:1:1::/h\n", "# comment\n", "a:x:1:1::/h:/s\n\nb:x:2:2::/h:/s\n", "a:x:+1:1::/h:/s\n", ""]
)
def test_text_that_would_blind_nss_wrapper_is_never_read_as_a_file(text: str) -> None:
    with pytest.raises(RenderError):
        parse_passwd(text)


def test_the_systems_own_entries_render_and_keep_root_first() -> None:
    base = parse_passwd(BASE_PASSWD)
    text = render_passwd(View((ANN, *base), ()))
    assert text.startswith("root:x:0:0:")
    assert "nobody:x:65534:65534:" in text
    assert render_group(View((), tuple(GroupEntry(*entry) for entry in BASE_GROUPS.items())))


def test_a_group_of_ten_thousand_reads_back_whole() -> None:
    members = tuple(f"user{n:05d}" for n in range(10_000))
    text = render_group(View((), (GroupEntry("all", 70_000, members),)))
    assert parse_group(text) == (GroupEntry("all", 70_000, members),)
    assert read_by_glibc(text, "fgetgrent", CGroup)[0].members == members

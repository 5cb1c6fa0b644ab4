"""A values file is read, or refused with a sentence that names the line."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.config.problems import ConfigError
from qhub_hub.config.reading import LARGEST, parse, read
from qhub_hub.config.tree import plain, where


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "values.yaml")
    return str(caught.value)


def test_positions_are_those_of_the_lines_that_people_see() -> None:
    tree = parse("qhub:\n  users:\n    ann:\n      uid: 5\n      groups:\n      - a\n      - b\n", "v.yaml")
    assert str(where(tree, ("qhub", "users", "ann", "uid"))) == "v.yaml:4"
    assert str(where(tree, ("qhub", "users", "ann", "groups", 1))) == "v.yaml:7"
    assert str(where(tree, ("qhub", "users", "ann"))) == "v.yaml:3"
    assert str(where(tree, ("qhub", "users", "ann", "nothing here"))) == "v.yaml:3"


def test_anchors_aliases_and_merge_keys_work_and_point_to_what_is_written() -> None:
    tree = parse("x: &x\n  a: 1\n  b: 2\nw:\n  <<: *x\n  b: 3\nz: *x\n", "v.yaml")
    assert plain(tree) == {"x": {"a": 1, "b": 2}, "w": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2}}
    assert where(tree, ("w", "a")).line == 2
    assert where(tree, ("w", "b")).line == 6


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null\n", "\ufeff"])
def test_an_empty_file_is_an_empty_map(text: str) -> None:
    assert plain(parse(text, "v.yaml")) == {}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12", 12),
        ("-7", -7),
        ("0.5", 0.5),
        ("2.0", 2),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("4Gi", "4Gi"),
        ("10.0.0.1", "10.0.0.1"),
        ("1h30m", "1h30m"),
        ("1/2", "1/2"),
        ("e3", "e3"),
        ("'0644'", "0644"),
        ('"yes"', "yes"),
        ("|-\n  some text", "some text"),
        (">\n  0644\n", "0644\n"),
    ],
)
def test_a_scalar_that_all_readers_agree_on_has_its_value(written: str, value: object) -> None:
    found = plain(parse(f"a: {written}\n", "v.yaml"))["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "written",
    [
        *("0644", "0o644", "0x1F", "0b1", "1_000", "1e3", "+5", "1.", ".5", "-0", ".inf", "-.Inf", ".NaN"),
        *("12:30", "1:2:3.5", "2026-01-01", "2026-1-1", "2026-01-01T10:00:00Z"),
        *("yes", "No", "ON", "off", "y", "N"),
        *("9007199254740993", "0.12345678901234567", "9" * 5000),
    ],
)
def test_a_scalar_that_readers_disagree_on_is_refused_with_the_quoted_form(written: str) -> None:
    message = _refusal(f"b: 1\na: {written}\n")
    assert message.startswith("values.yaml:2: a: ")
    assert f'quote it: "{written}"' in message


@pytest.mark.parametrize("key", ["y", "on", "NO", "true", "null", "~", "1", "1.5", "2026-01-01", "0x1"])
def test_a_key_that_is_no_text_to_some_reader_is_refused(key: str) -> None:
    assert f'quote it: "{key}"' in _refusal(f"{key}: 1\n")
    assert plain(parse(f'"{key}": 1\n', "v.yaml")) == {key: 1}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "twice, first in line 1"),
        ("x: &x {p: 1}\na: {q: 2, <<: *x}\n", 2, "write it once, first"),
        ("x: &x {p: 1}\na: {<<: [*x, *x]}\n", 2, "<< takes one map"),
        ('"<<": {a: 1}\n', 1, "choose another"),
        ("a: !!binary aGk=\n", 1, "the tag !!binary"),
        ("a: !thing {}\n", 1, "the tag !thing"),
        ("a: ! 5\n", 1, "the tag !"),
        ("a: |-\n  0644\n", 1, "write it in quotes"),
        ("a: >-\n  yes\n", 1, "write it in quotes"),
        ("a: |-\n\n", 1, "write it in quotes"),
        ("%YAML 1.2\n---\na: 1\n", 1, "directives"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("- a\n", 1, "must hold a map"),
        ("just text\n", 1, "must hold a map"),
        ("a:\n\tb: 1\n", 2, "indent with spaces"),
        ("a: b: c\n", 1, 'quote values that contain ": "'),
        ("a: 'b\n", 1, "not closed"),
        ("a: [1, 2\nb: 3\n", 2, "bracket"),
        ("a: 1\n b: 2\n", 2, ""),
        ("a: @x\n", 1, "cannot begin with '@'"),
        ("a: *x\n", 1, "no earlier line defines"),
        ("a: &x [*x]\n", 1, "inside what it refers to"),
        ("? [a]\n: 1\n", 1, "where a key must be"),
        ("a: {{ b }}\n", 1, "where a key must be"),
        ("a: \x01\n", 1, "control character"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    message = _refusal(text)
    assert message.startswith(f"values.yaml:{line}: ")
    assert words in message
    assert "yaml.org" not in message


def test_all_ambiguous_values_of_a_file_are_reported_at_once() -> None:
    assert len(_refusal("a: 0644\nb: {c: yes, on: 1}\nd: [1e3]\n").splitlines()) == 4


def test_a_value_that_may_be_a_secret_is_not_repeated() -> None:
    message = _refusal("jupyterhub: {hub: {config: {X: {client_secret: 0123456}}}}\n")
    assert "123456" not in message
    assert "needs quotes" in message


@pytest.mark.parametrize("bomb", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_at_once(bomb: str) -> None:
    before = time.process_time()
    assert "nested more than" in _refusal("a: " * (bomb != "- ") + bomb * 100_000)
    assert time.process_time() - before < 1


def test_a_file_of_aliases_that_would_fill_the_memory_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases stand for more than" in _refusal("\n".join(lines))


def test_a_file_of_little_but_aliases_is_refused_as_helm_would() -> None:
    text = "a: &a [" + "x, " * 90 + "]\nb: [" + "*a, " * 200 + "]\n"
    assert "at most ten times" in _refusal(text)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "this is a directory"),
        (lambda path: path.write_bytes(b"a: 1\nb: \xff\n"), "not UTF-8"),
        (lambda path: path.write_bytes("a: ä".encode("utf-16")), "not UTF-8"),
        (lambda path: path.write_bytes(b"a: " + b"x" * LARGEST), "larger than 4 MiB"),
        (lambda path: path.symlink_to(path), "cannot be read"),
    ],
    ids=["missing", "directory", "latin", "utf-16", "large", "link to itself"],
)
def test_a_file_that_is_none_is_refused_with_its_name(tmp_path, make, words: str) -> None:
    path = tmp_path / "values.yaml"
    make(path)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def test_an_unreadable_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # As root no file is unreadable.
    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigError, match=r"values\.yaml: this file may not be read"):
        read("values.yaml")


@given(st.text(max_size=60) | st.text(alphabet="a1:-[]{}&*!|>'\"%#,? \n\t<~.", max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        assert isinstance(plain(parse(text, "v.yaml")), dict)
    except ConfigError as error:
        for problem in error.problems:
            assert re.fullmatch(r"v\.yaml(:[0-9]+)?", str(problem.position))
            assert problem.message

"""A value is the same to Helm, to Terraform and to QHub, or QHub refuses it."""

import json
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from qhub_hub.config.merging import merge, over_defaults
from qhub_hub.config.problems import ConfigError
from qhub_hub.config.reading import parse
from qhub_hub.config.tree import plain
from qhub_hub.installation import packaged

# The first test of a cold machine builds the libraries.

asked = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _ours(text: str) -> Any:
    """Our reading, or the exception itself where we refuse."""
    try:
        return plain(parse(text, "values.yaml"))
    except ConfigError as refusal:
        return refusal


def _agree(ask: Any, text: str) -> None:
    ours = _ours(text)
    if isinstance(ours, ConfigError) or ours == {}:
        return  # an empty file is an empty map to Helm; Terraform refuses it, loudly
    answer = ask(text)
    assert (answer["helmError"], answer["terraformError"]) == ("", "")
    assert answer["helm"] == ours
    assert answer["terraform"] == ours


TRAPS = [
    *(
        "0644",
        "0o644",
        "0x1F",
        "0b11",
        "1_000",
        "0_1",
        "1__",
        "_1",
        "00",
        "08",
        "-08",
        "+5",
        "1.",
        ".5",
        "-.5",
        "-0",
        "-0.0",
    ),
    *(
        "1e3",
        "12e03",
        "1e",
        "e3",
        "1e3x",
        "0e0",
        "1.5_0",
        ".inf",
        "-.Inf",
        "+.INF",
        ".nan",
        ".NaN",
        ".",
        "..",
        "5.0",
        "0.1",
    ),
    *(
        "9007199254740992",
        "9007199254740993",
        "12345678901234567890",
        "0.1234567890123456789",
        "100000000000000000000.5",
    ),
    *(
        "2001-01-01",
        "2001-1-1",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43",
        "2001-12-14 x",
        "12:30",
        "190:20:30",
    ),
    *(
        "1:20.5",
        "y",
        "Y",
        "yes",
        "No",
        "on",
        "OFF",
        "n",
        "true",
        "True",
        "TRUE",
        "tRue",
        "false",
        "null",
        "Null",
        "~",
        "",
    ),
    *(
        "nUll",
        "=",
        "<<",
        "-",
        "--",
        "+",
        "_",
        "1.2.3",
        "10.0.0.1",
        "4Gi",
        "500m",
        "1/2",
        "1h30m",
        "a: b",
        "- a",
        "@a",
        "%a",
    ),
    *(
        "!!str 5",
        "! 5",
        "!!binary aGk=",
        "!!set {x}",
        "!!int '5'",
        "'0644'",
        '"yes"',
        "|-\n  12",
        ">-\n  true",
        "|\n  0644\n",
    ),
    *(
        "|-\n  2001-01-01",
        "'a\n\n  b'",
        '"a\\x41\\u00e9\\n"',
        "a # b",
        "a#b",
        "'it''s'",
        "[a, 1, {b: c}]",
        "{b, c}",
        "[1,,2]",
    ),
    *("&x 1", "*x", "&x [*x]", "a\u2028b", "a\x85b", "'a\u2028b'", "a\ufeffb", "\u00a0", "\U0001f600", "a\tb", "a\r\n"),
]


@pytest.mark.parametrize("written", TRAPS)
def test_a_trap_as_a_value_means_the_same_to_all_or_is_refused(ask, written: str) -> None:
    _agree(ask, f"a: {written}\n")


@pytest.mark.parametrize("written", [trap for trap in TRAPS if "\n" not in trap])
def test_a_trap_as_a_key_means_the_same_to_all_or_is_refused(ask, written: str) -> None:
    _agree(ask, f"{written}: a\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "b: &x {p: 1, q: 2}\na: {<<: *x, p: 3}\n",
        "b: &x {p: 1, q: 2}\na: {p: 3, <<: *x}\n",
        "b: &x {p: 1}\nc: &z {q: 2}\na: {<<: [*x, *z]}\n",
        "b: &x {p: {q: 1}}\na: {<<: *x, p: {r: 3}}\n",
        "b: &x {p: 1}\na: {<<: *x, <<: *x}\n",
        "a: {<<: {p: 1}, q: 2}\n",
        "a: {<<: 5}\n",
        '"<<": {a: 1}\n',
        "b: &x [1, 2]\na: *x\nc: [*x, *x]\n",
        "b: &x c\n*x : 1\n",
        "a: &x 1\nb: &x 2\nc: *x\n",
        "a: &x\nb: *x\n",
        "a: [*x]\nb: &x 1\n",
        "? a\n: b\n",
        "? [a]\n: b\n",
        "? |\n  a\n: b\n",
        "---\na: 1\n...\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\nb: 2\n",
        "%YAML 1.2\n---\na: 1\n",
        "# c\n%YAML 1.1\n---\na: 1\n",
        "%TAG ! tag:x,2000:\n---\na: 1\n",
        "\ufeffa: 1\n",
        "a:\n\tb: 1\n",
        "a:\n- b\n-  c\n",
        "a:\r\n  b: 1\r\n",
        "a: |\n  b\n   c\n\n  d\n\nb: >\n  e\n  f\n\n   g\n",
        "a: |2\n    b\n",
        "a: |+\n  b\n\n",
        "a: 'b\n  c'\n",
        "a: b\n  c\n",
        "{a: 1, 'b': [2]}\n",
        '{"a":1,"b":[true,null,"x"]}\n',
        "a: " + "[" * 40 + "]" * 40 + "\n",
        "a: &a [" + "x, " * 89 + "x]\nb: [" + ", ".join(["*a"] * 9) + "]\n",
    ],
)
def test_a_document_means_the_same_to_all_or_is_refused(ask, text: str) -> None:
    _agree(ask, text)


def test_the_packaged_values_mean_the_same_to_all(ask) -> None:
    text = packaged("helm/values.yaml").read_text()
    assert not isinstance(_ours(text), ConfigError)
    _agree(ask, text)


@asked
@given(st.text(alphabet="0123456789+-_.:eExXoObBTZ /infaN~", min_size=1, max_size=14))
@example("0_0")
@example("1-1-1")
def test_anything_like_a_number_means_the_same_to_all_or_is_refused(ask, written: str) -> None:
    _agree(ask, f"a: {written}\n{written}: a\n" if written.strip() != "a" else "a: b\n")


@asked
@given(
    st.text(alphabet="0123456789-_.:exTZyesnotrufal~", max_size=12),
    st.sampled_from(["'{}'", '"{}"', "|-\n  {}", ">-\n  {}", "|\n  {}"]),
)
@example("0644", "|-\n  {}")
@example("yes", ">-\n  {}")
@example("2001-01-01", '"{}"')
@example("", "|-\n  {}")
def test_anything_quoted_is_the_same_text_to_all_or_is_refused(ask, text: str, style: str) -> None:
    _agree(ask, f"a: {style.format(text)}\n")


@asked
@given(st.text(alphabet="ab:1 \n-[]{}&*!|>'\"%#,?<~.\t\\", max_size=40))
def test_any_document_means_the_same_to_all_or_is_refused(ask, text: str) -> None:
    _agree(ask, text)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
trees = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@asked
@given(st.dictionaries(texts, trees, min_size=1, max_size=3), st.booleans())
def test_any_json_means_the_same_to_all_or_is_refused(ask, value: dict[str, Any], ascii_only: bool) -> None:
    _agree(ask, json.dumps(value, ensure_ascii=ascii_only))


keys = st.sampled_from(["a", "b", "c"])
leaves = st.none() | st.integers(0, 3) | st.booleans() | st.lists(st.integers(0, 2), max_size=2)
sections = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8)
files = st.dictionaries(keys, sections, max_size=3)


def _no_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_no_nulls(child) for child in value.values())
    return value is not None


@asked
@given(st.lists(files, min_size=1, max_size=3), files.filter(_no_nulls))
@example([{"a": {"b": None}}], {"a": {"b": {"c": 1}, "c": 2}})
@example([{"a": None}, {"a": {"b": 1}}], {"a": {"c": 1}})
@example([{"a": {"b": 1}}, {"a": None}], {"a": {"c": 1}})
@example([{"a": {"b": {"c": None}}}], {"a": {"b": 1}})
@example([{"a": {"c": None}}], {"a": {"b": 1}})
@example([{"a": 1}], {"a": {"b": 1}})
def test_files_over_defaults_are_merged_as_helm_merges_them(ask, chosen: list[Any], defaults: dict[str, Any]) -> None:
    assume(defaults or chosen)
    answer = ask(*(json.dumps(file) for file in chosen), defaults=json.dumps(defaults))
    assert answer["helmError"] == ""
    read = [parse(json.dumps(file), f"{number}") for number, file in enumerate(chosen)]
    ours = over_defaults(parse(json.dumps(defaults), "chart"), reduce(merge, read))
    assert plain(ours) == answer["helm"]

"""Mistakes of an admin, and what they are told."""

from pathlib import Path

import pytest

from qhub_hub.config import Config, ConfigError, load, load_values, parse_path, show_path


@pytest.fixture
def told(tmp_path: Path):
    """What an admin is told about a file, without the name of the folder; empty: nothing is wrong."""

    def told(text: str) -> list[str]:
        path = tmp_path / "v.yaml"
        path.write_text(text)
        try:
            load(path)
        except ConfigError as error:
            return [str(problem).replace(f"{tmp_path}/", "") for problem in error.problems]
        return []

    return told


CASES = {
    "unknown key": ("qhub: {nmae: x}", "v.yaml:1: qhub.nmae: unknown key; did you mean name?"),
    "snake case": (
        "qhub:\n  profiles:\n    small:\n      node_group: user",
        "v.yaml:4: qhub.profiles.small.node_group: unknown key; did you mean nodeGroup?",
    ),
    "not indented": ("profles: {}", "v.yaml:1: profles: unknown key; did you mean qhub.profiles?"),
    "misspelt part": ("jupyterhb: {}", "v.yaml:1: jupyterhb: unknown key; did you mean jupyterhub?"),
    "part is no map": ("ssh: 5", "v.yaml:1: ssh: found 5; allowed is a map"),
    "section is no map": ("qhub: [a]", "v.yaml:1: qhub: found a list; allowed is a map"),
    "text for a number": (
        'qhub: {groups: {data: {gid: "70001"}}}',
        'v.yaml:1: qhub.groups.data.gid: found "70001"; allowed is a whole number from 1001 to 2147483647',
    ),
    "text for yes": (
        'qhub: {groups: {data: {admin: "yes"}}}',
        'v.yaml:1: qhub.groups.data.admin: found "yes"; allowed is true or false',
    ),
    "word for a list": (
        "qhub: {groups: {data: {members: ann}}}",
        'v.yaml:1: qhub.groups.data.members: found "ann"; allowed is a list, each entry a text',
    ),
    "closed choice": (
        "qhub: {profiles: {small: {locked: shown}}}",
        'v.yaml:1: qhub.profiles.small.locked: found "shown"; allowed is "show" or "hide"',
    ),
    "bad size": (
        "qhub: {profiles: {small: {memory: {limit: 4GB}}}}",
        'v.yaml:1: qhub.profiles.small.memory.limit: found "4GB"; '
        'a size must be bytes or a string such as "4Gi" or "512Mi"',
    ),
    "too many cores": (
        "qhub: {profiles: {small: {cpu: {limit: 9999}}}}",
        "v.yaml:1: qhub.profiles.small.cpu.limit: found 9999; allowed is at most 4096",
    ),
    "guarantee over limit": (
        'qhub: {profiles: {small: {memory: {guarantee: "8Gi"}}}}',
        "v.yaml:1: qhub.profiles.small.memory: the guarantee (8 GiB) is more than the limit (2 GiB)",
    ),
    "missing": (
        "qhub: {profiles: {small: {options: {images: {a: {}}}}}}",
        "v.yaml:1: qhub.profiles.small.options.images.a.image: is missing; "
        'needed is a text such as "quay.io/jupyter/base-notebook:2026-01-05"',
    ),
    "currency": (
        "qhub: {prices: {currency: usd}}",
        'v.yaml:1: qhub.prices.currency: found "usd"; allowed is a text such as "USD" or "EUR"',
    ),
    "pool": (
        "qhub: {identity: {userIds: {first: 5000, last: 4000}}}",
        "v.yaml:1: qhub.identity.userIds: first (5000) is more than last (4000)",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_told_with_place_found_and_allowed(told, text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_every_problem_is_told_at_once_and_only_once(told) -> None:
    problems = told(
        """
qhub:
  users:
    ann: {uid: 100001, groups: [data, gpus], shell: zsh}
    bob: {uid: 100001}
  groups:
    data: {gid: 5}
    gpu: 7
  profiles:
    q: {share: "1/3", cpu: {limit: 2}, options: {images: {a: {}}}}
    s: {nodeGroup: usr, allowedGroups: [gpu], env: {LD_PRELOAD: x}}
"""
    )
    assert [line.split(": ")[1] for line in problems] == [
        "qhub.users.ann.shell",
        "qhub.users.ann.groups[1]",
        "qhub.users.bob.uid",
        "qhub.groups.data.gid",
        "qhub.groups.gpu",
        "qhub.profiles.q.options.images.a.image",
        "qhub.profiles.q",
        "qhub.profiles.s.nodeGroup",
        "qhub.profiles.s.env.LD_PRELOAD",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "qhub: {users: {ann: {password: hunter2}}}",
        "qhub: {profiles: {small: {env: {API_TOKEN: [hunter2]}}}}",
        "qhub: {profiles: {small: {env: {API_TOKEN: 20202020202}}}}",
        "qhub: {secretThing: hunter2}",
    ],
)
def test_secrets_never_appear_in_an_error(told, text: str) -> None:
    problems = "\n".join(told(text))
    assert problems
    assert "hunter2" not in problems
    assert "2020202" not in problems


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()])
def test_no_error_speaks_the_language_of_the_libraries(told, text: str) -> None:
    for word in ("Input should", "pydantic", "Value error", "Extra inputs", "dictionary", "NoneType", "tuple"):
        assert word not in "\n".join(told(text))


def test_problems_of_several_files_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("qhub: {a: 0644}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "a.yaml", tmp_path / "missing.yaml")
    assert len(caught.value.problems) == 2


def test_without_files_the_packaged_values_are_in_force() -> None:
    values = load_values()
    assert {"small", "medium", "share"} <= values.qhub.profiles.keys()
    assert values.warnings == ()
    assert load_values(defaults=False).qhub == Config()


def test_other_parts_are_handed_on_as_written(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text("jupyterhub: {hub: {config: {X: {a: [1], b: null}}}}\ndask-gateway: {enabled: true}\n")
    values = load_values(path)
    assert values.jupyterhub == {"hub": {"config": {"X": {"a": [1], "b": None}}}}
    with pytest.raises(TypeError):
        values.jupyterhub["hub"] = {}  # type: ignore[index]


def test_a_value_can_be_traced_to_its_line(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text('qhub:\n  users:\n    "ann.lee":\n      groups: [everyone,\n        admin]\n')
    values = load_values(path)
    assert values.source('qhub.users."ann.lee".groups[1]') == f"{path}:5"
    assert values.source("qhub.profiles.small.cpu.limit").split(":")[0].endswith("values.yaml")
    assert values.source("qhub.culling.idle") == ""


@pytest.mark.parametrize("path", [("qhub",), ("a", "b.c", 0, 'd"e', "é"), ("x", 1, 2, "y z", "[0]")])
def test_a_shown_path_can_be_read_back(path: tuple[str | int, ...]) -> None:
    assert parse_path(show_path(path)) == path

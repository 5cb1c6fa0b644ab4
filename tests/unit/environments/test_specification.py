"""What may be asked for: packages and channels, and nothing that conda takes for a path, an address or an option."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qhub_hub.config.models.environments import DeclaredEnvironment, Environments
from qhub_hub.environments.specification import FOLDER, Specification, declared, watched

CONFIG = Environments.model_validate(
    {"channels": ["conda-forge"], "allowedChannels": ["https://conda.example.org/team"], "mirrors": {}}
)


@pytest.mark.parametrize(
    "text",
    [
        "python",
        "python=3.11",
        "numpy >=2,<3",
        "numpy>=2",
        "a_b.c-d",
        "x 1.0 py311*_0",
        "r-base =4",
        "pkg !=1.2|1.4",
        "_x",
    ],
)
def test_ordinary_requirements_are_fine(text: str) -> None:
    assert DeclaredEnvironment.model_validate({"dependencies": [text]}).dependencies == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-f",
        "--channel=evil",
        "../../etc/passwd",
        "/etc/passwd",
        "./local.conda",
        "https://evil.example/x-1.0-0.conda",
        "file:///etc/passwd",
        "evil::numpy",
        "numpy[url=https://evil.example/x.conda]",
        "numpy\npython",
        "numpy\n",
        "numpy\0",
        "numpy; rm -rf /",
        "numpy $(id)",
        "numpy `id`",
        'numpy "1"',
        "numpy\\x",
        "C:\\x",
        "@evil",
        "nümpy",
        "x" * 201,
    ],
    ids=repr,
)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(ValidationError):
        DeclaredEnvironment.model_validate({"dependencies": [text]})


@pytest.mark.parametrize(
    ("channel", "fine"),
    [
        ("conda-forge", True),
        ("team/label/dev", True),
        ("https://conda.example.org/team", True),
        ("http://[::1]:8080/x/", True),
        ("file:///srv/conda", True),
        ("https://user:secret@conda.example.org/team", False),
        ("file://../etc", False),
        ("/srv/conda", False),
        ("../x", False),
        ("a/../b", False),
        ("-c", False),
        ("ftp://x/y", False),
        ("https://x/y?token=1", False),
        ("x\n", False),
        ("", False),
    ],
    ids=repr,
)
def test_channels_are_names_or_addresses_without_secrets(channel: str, fine: bool) -> None:
    try:
        DeclaredEnvironment.model_validate({"dependencies": ["x"], "channels": [channel]})
    except ValidationError:
        assert not fine
    else:
        assert fine


def test_mirrors_and_defaults_become_addresses() -> None:
    config = Environments.model_validate(
        {
            "channels": ["conda-forge", "bioconda"],
            "mirrors": {"conda-forge": "https://mirror.example.org/cf/"},
            "cuda": "12.8",
            "declared": {"global/a": {"dependencies": ["x"]}, "geo/b": {"dependencies": ["y"], "gpu": True}},
        }
    )
    first, second = declared(config)
    assert first.channels == ("https://mirror.example.org/cf", "https://conda.anaconda.org/bioconda")
    assert (first.key, first.cuda, second.key, second.cuda) == ("global/a", "", "geo/b", "12.8")


BASE = Specification("global", "x", ("file:///c",), ("a", "b"))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Specification("global", "x", ("file:///c",), ("b", "a"), source="elsewhere"), True),
        (Specification("global", "x", ("file:///d",), ("a", "b")), False),
        (Specification("global", "x", ("file:///c",), ("a", "b=1")), False),
        (Specification("global", "x", ("file:///c",), ("a", "b"), "12.4"), False),
    ],
    ids=["order and place", "channel", "version", "accelerator"],
)
def test_the_digest_changes_with_what_is_built_only(other: Specification, same: bool) -> None:
    assert (BASE.digest == other.digest) is same


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "global" / FOLDER).mkdir(parents=True)
    return tmp_path / "global"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / FOLDER / name
    path.write_text(text)
    return path


def test_an_ordinary_environment_yaml_is_read(folder: Path) -> None:
    put(folder, "dask.yaml", "name: dask\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - dask\n")
    put(folder, "plain.yml", "dependencies: [r-base]\n")
    put(folder, ".hidden.yaml", "{")
    put(folder, "notes.txt", "{")
    found, problems = watched(CONFIG, folder)
    assert problems == ()
    assert [(one.key, one.dependencies) for one in found] == [
        ("global/dask", ("python=3.11", "dask")),
        ("global/plain", ("r-base",)),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "x.yaml"),
        ("", "dependencies"),
        ("dependencies: []", "at least one"),
        ("dependencies: [a, {pip: [b]}]", "packages below `pip:` are not built"),
        ("dependencies: [../x]", "without addresses, paths and quotes"),
        ("name: ../x\ndependencies: [a]", "no name of an environment"),
        ("name: [x]\ndependencies: [a]", "no name of an environment"),
        ("prefix: /etc\ndependencies: [a]", "no key 'prefix'"),
        ("channels: [evil]\ndependencies: [a]", "the channel evil is not allowed here"),
        ("channels: ['file:///home/ann']\ndependencies: [a]", "the channel file:///home/ann is not allowed here"),
        ("gpu: maybe\ndependencies: [a]", "gpu"),
        ("dependencies: &a [*a]", "alias"),
        ("x" * 70_000, "larger than 64 KiB"),
    ],
    ids=lambda value: value[:30],
)
def test_a_file_that_can_not_be_built_is_named_with_the_reason(folder: Path, text: str, sentence: str) -> None:
    put(folder, "x.yaml", text)
    put(folder, "good.yaml", "dependencies: [a]")
    found, problems = watched(CONFIG, folder)
    assert [one.name for one in found] == ["good"]
    assert len(problems) == 1
    assert sentence in problems[0]
    assert "x.yaml" in problems[0]


def test_two_files_of_one_name_are_told_apart(folder: Path) -> None:
    put(folder, "a.yaml", "name: same\ndependencies: [a]")
    put(folder, "b.yaml", "name: same\ndependencies: [b]")
    found, problems = watched(CONFIG, folder)
    assert [one.dependencies for one in found] == [("a",)]
    assert "give one of them another name" in problems[0]


def test_a_link_is_not_followed_so_nobodys_files_are_shown(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password: 12345\n")
    (folder / FOLDER / "x.yaml").symlink_to(tmp_path / "secret")
    (folder / FOLDER / "y.yaml").mkdir()
    found, problems = watched(CONFIG, folder)
    assert found == ()
    assert len(problems) == 2
    assert not any("password" in problem or "12345" in problem for problem in problems)


@given(
    st.dictionaries(st.sampled_from(["name", "channels", "dependencies", "gpu", "x"]), st.text() | st.lists(st.text()))
)
def test_no_file_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    import yaml

    folder = tmp_path_factory.mktemp("w") / "global"
    (folder / FOLDER).mkdir(parents=True)
    put(folder, "x.yaml", yaml.safe_dump(content))
    found, problems = watched(CONFIG, folder)
    assert len(found) + len(problems) == 1

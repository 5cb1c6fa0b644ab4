"""The manifest: what is written is read again, and what somebody else wrote leads nowhere."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments import MANIFEST, Environment, Kernel, ManifestError, read_manifest, write_manifest

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,10}[a-z0-9])?", fullmatch=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "global").mkdir()
    return tmp_path / "global"


def kernel_strategy() -> st.SearchStrategy[Kernel]:
    return st.builds(
        Kernel,
        name=names,
        title=texts,
        language=texts,
        argv=st.lists(texts, max_size=3).map(tuple),
        env=st.dictionaries(texts, texts, max_size=2),
        interrupt_mode=st.sampled_from(["signal", "message"]),
        metadata=st.dictionaries(texts, texts | st.booleans(), max_size=2),
        problem=texts,
    )


@given(st.lists(st.tuples(names, texts, texts, st.lists(kernel_strategy(), max_size=2)), unique_by=lambda one: one[0]))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, entries: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("m") / "global"
    folder.mkdir()
    written = tuple(
        Environment("global", name, f"{folder}/builds/{name}/1", kernels=tuple(kernels), message=message, python=python)
        for name, message, python, kernels in sorted(entries)
    )
    write_manifest(folder, written)
    assert read_manifest(folder) == written


def test_where_nothing_was_built_there_is_nothing(folder: Path) -> None:
    assert read_manifest(folder) == ()
    assert read_manifest(folder / "not-there") == ()


def entry(folder: Path, **fields: Any) -> dict[str, Any]:
    return {"name": "one", "status": "ready", "prefix": f"{folder}/builds/one/1", **fields}


def test_keys_of_a_newer_version_are_passed_over(folder: Path) -> None:
    kernel = {"name": "python3", "argv": ["python"], "colour": "green"}
    (folder / MANIFEST).write_text(json.dumps([entry(folder, colour="green", kernels=[kernel])]))
    (found,) = read_manifest(folder)
    assert (found.key, found.kernels[0].argv) == ("global/one", ("python",))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "../one"},
        {"name": ""},
        {"name": "a\nb"},
        {"name": ["one"]},
        {"prefix": "/etc"},
        {"prefix": "builds/one/1"},
        {"prefix": "{folder}/builds/../../../etc"},
        {"prefix": "{folder}/builds//one"},
        {"prefix": "{folder}/builds/one/1\0"},
        {"kernels": {"name": "python3"}},
        {"kernels": [{"name": "../python3"}]},
        {"kernels": [{"name": "x", "argv": ["a" * 5000]}]},
        {"kernels": [{"name": "x", "argv": "rm -rf"}]},
        {"kernels": [{"name": "x", "env": {"A": 1}}]},
        {"packages": ["python"]},
        {"size": "large"},
        {"size": True},
        {"status": "x" * 5000},
        {"message": "a\0b"},
    ],
    ids=repr,
)
def test_an_entry_that_could_lead_elsewhere_is_refused_with_a_sentence(folder: Path, fields: dict[str, Any]) -> None:
    stated = {key: value.format(folder=folder) if key == "prefix" else value for key, value in fields.items()}
    (folder / MANIFEST).write_text(json.dumps([entry(folder, **stated)]))
    with pytest.raises(ManifestError, match=r"is damaged: .*The next build in this namespace writes it anew"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{half", b"{}", b"null", b"[1]", b"[[]]", b"\xff\xfe", b"[" * 100_000, b"[" + b"[]," * 30_000 + b"[]]"],
    ids=["empty", "half", "map", "null", "number", "list", "no text", "deep", "long"],
)
def test_what_is_no_manifest_is_refused_with_a_sentence(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(ManifestError, match="is damaged"):
        read_manifest(folder)


def test_a_manifest_of_gigabytes_is_not_loaded(folder: Path) -> None:
    with (folder / MANIFEST).open("wb") as file:
        file.truncate(2**33)  # takes no room on the disk
    with pytest.raises(ManifestError, match="larger than 32 MiB"):
        read_manifest(folder)


def test_a_link_or_a_pipe_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("[]")
    (folder / MANIFEST).symlink_to(tmp_path / "secret")
    with pytest.raises(ManifestError, match="can't be read"):
        read_manifest(folder)
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)
    with pytest.raises(ManifestError):
        read_manifest(folder)  # and does not wait for a writer


def test_an_environment_without_a_build_is_never_ready(folder: Path) -> None:
    (folder / MANIFEST).write_text(json.dumps([entry(folder, prefix="")]))
    assert read_manifest(folder)[0].status == "failed"


def test_a_manifest_that_can_not_be_written_whole_leaves_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Environment("global", "one", f"{folder}/builds/one/1")
    write_manifest(folder, (one,))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_manifest(folder, ())
    assert read_manifest(folder) == (one,)
    assert [path.name for path in folder.iterdir()] == [MANIFEST]

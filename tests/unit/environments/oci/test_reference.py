"""Places of images: what people write is understood, or refused in a sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.environments.oci import ImageError, parse_reference


@pytest.mark.parametrize(
    ("text", "kind", "path", "repository", "tag"),
    [
        ("oci:/a/b", "oci", "/a/b", "", ""),
        ("oci:/a/b:2026.11", "oci", "/a/b", "", "2026.11"),
        ("oci:/a/b:docker.io/library/debian:slim", "oci", "/a/b", "", "docker.io/library/debian:slim"),
        ("docker-archive:/a.tar", "docker-archive", "/a.tar", "", ""),
        ("docker-archive:/a.tar:team/work", "docker-archive", "/a.tar", "team/work", ""),
        ("docker-archive:/a.tar:team/work:1", "docker-archive", "/a.tar", "team/work", "1"),
        ("docker-archive:/a.tar:host.example:5000/work", "docker-archive", "/a.tar", "host.example:5000/work", ""),
        ("docker-archive:/a.tar:host.example:5000/work:v1", "docker-archive", "/a.tar", "host.example:5000/work", "v1"),
    ],
    ids=["folder", "tag", "Podman's tag", "file", "repository", "with its tag", "port", "port and tag"],
)
def test_a_place_is_understood(text: str, kind: str, path: str, repository: str, tag: str) -> None:
    found = parse_reference(text)
    assert (found.kind, found.path, found.repository, found.tag) == (kind, Path(path), repository, tag)
    assert str(found) == text


def test_a_relative_path_counts_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_reference("oci:images").path == tmp_path / "images"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no place for an image"),
        ("/a/b", "is no place for an image"),
        ("oci:", "is no place for an image"),
        ("docker://registry.example.org/x", "is no place for an image"),
        ("oci:/a\0b", "is no place for an image"),
        ("oci:/a:-x", "is no name of an image in a folder"),
        (f"oci:/a:{'x' * 256}", "is no name of an image in a folder"),
        ("docker-archive:/a:Team/Work", "is no name of a repository"),
        ("docker-archive:/a:../work:1", "is no name of a repository"),
        ("docker-archive:/a:work:.1", "is no tag"),
    ],
    ids=["empty", "path", "no path", "registry", "NUL", "dash", "long", "capitals", "dots", "bad tag"],
)
def test_what_is_no_place_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        parse_reference(text)


@given(st.text() | st.text().map(lambda text: f"docker-archive:/a:{text}") | st.text().map(lambda text: f"oci:{text}"))
def test_whatever_is_written_is_a_place_or_refused(text: str) -> None:
    try:
        found = parse_reference(text)
    except ImageError:
        return
    assert found.path.is_absolute()
    assert "\n" not in found.tag + found.repository

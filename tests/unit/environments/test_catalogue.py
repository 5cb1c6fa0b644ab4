"""All namespaces together: fast with a thousand environments, and one that is damaged hides no other."""

import os
import shutil
import time
from pathlib import Path

import pytest

from qhub_hub.environments import MANIFEST, Environment, Manifests, write_manifest
from qhub_hub.environments import catalogue as module


def fill(root: Path, namespace: str, *names: str) -> Path:
    folder = root / namespace
    folder.mkdir(exist_ok=True)
    write_manifest(folder, tuple(Environment(namespace, name, f"{folder}/builds/{name}/1") for name in names))
    return folder


def keys(manifests: Manifests) -> list[str]:
    return [environment.key for environment in manifests.read()]


def test_environments_appear_change_and_go(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path / "root")
    assert keys(manifests) == []
    (tmp_path / "root").mkdir()
    fill(tmp_path / "root", "b", "two", "one")
    fill(tmp_path / "root", "a", "one")
    assert keys(manifests) == ["a/one", "b/one", "b/two"]
    fill(tmp_path / "root", "b", "two")
    assert keys(manifests) == ["a/one", "b/two"]
    shutil.rmtree(tmp_path / "root/a")
    assert keys(manifests) == ["b/two"]


def test_a_damaged_manifest_hides_its_namespace_only_and_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "a", "one")
    folder = fill(tmp_path, "b", "one")
    manifests = Manifests(tmp_path)
    manifests.read()
    (folder / MANIFEST).write_text("{half")
    assert keys(manifests) == ["a/one"]
    assert len(manifests.problems) == 1
    assert str(folder / MANIFEST) in manifests.problems[0]
    fill(tmp_path, "b", "one")
    assert keys(manifests) == ["a/one", "b/one"]
    assert manifests.problems == ()


def test_a_share_that_is_away_is_no_error(tmp_path: Path) -> None:
    fill(tmp_path, "a", "one")
    manifests = Manifests(folders=(tmp_path / "a", tmp_path / "gone"))
    assert keys(manifests) == ["a/one"]
    shutil.rmtree(tmp_path)
    assert keys(manifests) == []


def test_only_folders_that_are_named_are_read(tmp_path: Path) -> None:
    for namespace in ("a", "b"):
        fill(tmp_path, namespace, "one")
    assert keys(Manifests(folders=(tmp_path / "b",))) == ["b/one"]


@pytest.mark.parametrize("name", [".cache", "a b", "x" * 70, "-a"])
def test_a_folder_that_is_no_namespace_is_passed_over(tmp_path: Path, name: str) -> None:
    fill(tmp_path, name, "one")
    (tmp_path / "link").symlink_to(tmp_path / name)
    assert keys(Manifests(tmp_path)) == []


def test_a_thousand_environments_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        fill(tmp_path, f"n{number}", *(f"e{one}" for one in range(100)))
    reads: list[Path] = []
    real = module.read_manifest
    monkeypatch.setattr(module, "read_manifest", lambda folder: reads.append(folder) or real(folder))
    manifests = Manifests(tmp_path)
    assert len(manifests.read()) == 1000
    assert len(reads) == 10
    begun = time.perf_counter()
    for _ in range(20):
        assert len(manifests.read()) == 1000
    assert (time.perf_counter() - begun) / 20 < 0.01
    assert len(reads) == 10
    fill(tmp_path, "n3", "only")
    assert len(manifests.read()) == 901
    assert reads[10:] == [tmp_path / "n3"]


def test_a_change_within_the_same_tick_of_the_clock_is_noticed(tmp_path: Path) -> None:
    manifests = Manifests(tmp_path)
    for name in ("aa", "bb", "cc"):
        folder = fill(tmp_path, "n", name)
        os.utime(folder / MANIFEST, ns=(10**18, 10**18))
        assert keys(manifests) == [f"n/{name}"]

"""Files change under a running hub."""

import os
from pathlib import Path

import pytest

from qhub_hub.config import ConfigError, LiveConfig, Values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text("qhub: {name: one}\n")
    return path


def test_a_change_is_taken_up_and_told_to_listeners(path: Path) -> None:
    live = LiveConfig(path)
    heard: list[tuple[str, str]] = []
    live.on_change(lambda before, now: heard.append((before.qhub.name, now.qhub.name)))
    assert not live.refresh()
    path.write_text("qhub: {name: another}\n")
    assert live.refresh()
    assert live.current.qhub.name == "another"
    assert heard == [("one", "another")]
    assert not live.refresh()


def test_a_rewrite_of_the_same_size_and_time_is_noticed(path: Path) -> None:
    live = LiveConfig(path)
    state = path.stat()
    path.write_text("qhub: {name: two}\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert live.refresh()
    assert live.current.qhub.name == "two"


def test_a_rewrite_within_one_tick_of_the_file_systems_clock_is_noticed(path: Path, monkeypatch) -> None:
    # What the file system would say if all writes fell into one tick: the same, whatever the content.
    monkeypatch.setattr("qhub_hub.config.live._mark_of", lambda name: (name, 1, path.stat().st_ctime_ns // 10**12))
    monkeypatch.setattr("time.time_ns", lambda: path.stat().st_ctime_ns // 10**12 + 1)
    live = LiveConfig(path)
    path.write_text("qhub: {name: two}\n")
    assert live.refresh()
    assert live.current.qhub.name == "two"


def test_a_broken_file_leaves_the_last_good_one_in_force_and_says_so(path: Path) -> None:
    live = LiveConfig(path)
    path.write_text("qhub: {nmae: x}\n")
    assert live.refresh()
    assert live.current.qhub.name == "one"
    assert "did you mean name?" in str(live.problems[0])
    assert not live.refresh()
    path.write_text("qhub: {name: one}\n")
    assert live.refresh()
    assert live.problems == ()


def test_a_vanished_file_leaves_the_last_good_one_in_force(path: Path) -> None:
    live = LiveConfig(path)
    path.unlink()
    assert live.refresh()
    assert "there is no such file" in str(live.problems[0])
    assert live.current.qhub.name == "one"


def test_a_file_that_is_broken_from_the_start_is_refused(path: Path) -> None:
    path.write_text("qhub: 5\n")
    with pytest.raises(ConfigError):
        LiveConfig(path)


def test_the_swap_of_a_mounted_secret_is_noticed(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "qhub.yaml").write_text(f"qhub: {{name: v{version}}}\n")
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "qhub.yaml").symlink_to("..data/qhub.yaml")
    live = LiveConfig(tmp_path / "qhub.yaml")
    (tmp_path / "..data_tmp").symlink_to("2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert live.refresh()
    assert live.current.qhub.name == "v2"


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("qhub: {name: one, users: {ann: {}}}\n", ()),
        ("qhub: {name: two}\n", ("qhub.name",)),
        ("qhub: {name: one, identity: {realm: x}}\n", ("qhub.identity",)),
        ("qhub: {name: one}\njupyterhub: {hub: {}}\n", ("jupyterhub",)),
        ("qhub: {name: one}\ndask-gateway: {url: http://api}\n", ("dask-gateway",)),
        ("qhub: {name: one, environments: {provider: conda-store}}\n", ("qhub.environments.provider",)),
        ("qhub: {name: one, environments: {condaStore: {programs: /x}}}\n", ("qhub.environments.condaStore",)),
        ("qhub: {name: one, environments: {quota: 1Gi}}\n", ()),
    ],
)
def test_a_change_that_needs_a_restart_says_so_until_it_is_taken_back(path, text, needed) -> None:
    live = LiveConfig(path)
    path.write_text(text)
    live.refresh()
    assert live.restart_needed == needed
    path.write_text("qhub: {name: one}\n")
    live.refresh()
    assert live.restart_needed == ()


def test_a_comment_alone_is_no_change_but_moves_the_lines(path: Path) -> None:
    live = LiveConfig(path)
    heard: list[Values] = []
    live.on_change(lambda before, now: heard.append(now))
    path.write_text("# a comment\nqhub: {name: one}\n")
    assert not live.refresh()
    assert heard == []
    assert live.current.source("qhub.name").endswith(":2")


@pytest.mark.parametrize(
    ("text", "keys"),
    [("{blocked: [eve]}", ()), ("{allow: listed}", ()), ("{provider: dummy}", ("qhub.signIn",))],
    ids=["blocked", "allow", "provider"],
)
def test_another_provider_needs_a_restart_but_who_may_come_does_not(
    tmp_path: Path, text: str, keys: tuple[str, ...]
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("qhub: {}")
    live = LiveConfig(path)
    path.write_text(f"qhub: {{signIn: {text}}}")
    assert live.refresh()
    assert live.restart_needed == keys

"""Wiring files and the values file's own configuration: order, sharing, and errors with their line."""

from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from qhub_hub.hub.wiring import UnusableConfiguration, apply_hub_config, run_config_d, run_extra_config


def apply_hub_values(c: Config, hub: dict[str, Any]) -> None:
    apply_hub_config(c, hub)
    run_extra_config(c, hub)


def run(*folders: Path) -> Any:
    c = Config()
    run_config_d(folders, c, site="the site", deployment="the place")  # type: ignore[arg-type]
    return c


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "20-second.py").write_text("c.A.order += '2'\nshared.append(2)\nc.A.shared = shared")
    (tmp_path / "10-first.py").write_text("c.A.order = '1'\nshared = [1]\nc.A.site, c.A.place = site, deployment")
    (tmp_path / "README").write_text("not Python")
    return tmp_path


def test_files_run_by_name_and_see_what_earlier_ones_set(folder: Path) -> None:
    c = run(folder)
    assert (c.A.order, c.A.shared, c.A.site, c.A.place) == ("12", [1, 2], "the site", "the place")


def test_later_folders_win(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "00-mine.py").write_text("assert __file__.endswith('00-mine.py')\nget_config().A.order += 'mine'")
    assert run(folder, own).A.order == "12mine"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1\ny = nope\n", r"30-bad.py, line 2: NameError: name 'nope' is not defined"),
        ("x = 1\n\ny = \n", r"30-bad.py, line 3: SyntaxError"),
        ("def f():\n    raise ValueError('no')\nf()\n", r"30-bad.py, line 2: ValueError: no"),
        ("import json\njson.loads('')\n", r"30-bad.py, line 2: JSONDecodeError"),
    ],
    ids=["name", "syntax", "in a function", "in a library"],
)
def test_an_error_names_the_file_and_the_line(folder: Path, code: str, words: str) -> None:
    (folder / "30-bad.py").write_text(code)
    with pytest.raises(UnusableConfiguration, match=words):
        run(folder)


def test_values_are_set_and_maps_are_merged() -> None:
    c = Config()
    c.Spawner.environment = {"KEPT": "1", "OVER": "1"}
    c.JupyterHub.services = ["culler"]
    config = {"Spawner": {"environment": {"OVER": "2"}, "cmd": ["x"]}, "JupyterHub": {"services": []}, "Empty": None}
    apply_hub_values(c, {"config": config})
    assert c.Spawner == {"environment": {"KEPT": "1", "OVER": "2"}, "cmd": ["x"]}
    assert c.JupyterHub.services == []


def test_extra_config_runs_by_key_after_the_values_and_shares_its_names() -> None:
    c = Config()
    apply_hub_values(
        c,
        {
            "extraConfig": {"20-use": "c.A.made = make(c.A.x)", "10-define": "def make(x): return x + 1"},
            "config": {"A": {"x": 1}},
        },
    )
    assert c.A.made == 2


@pytest.mark.parametrize(
    ("hub", "words"),
    [
        ({"config": []}, r"jupyterhub.hub.config must be a map, found \[\]"),
        ({"config": {"JupyterHub": 5}}, "jupyterhub.hub.config.JupyterHub must be a map, found 5"),
        ({"extraConfig": "c.x = 1"}, "jupyterhub.hub.extraConfig must be a map"),
        ({"extraConfig": {"mine": "\nc.A.x = y"}}, "jupyterhub.hub.extraConfig.mine, line 2: NameError"),
    ],
    ids=["a list", "a number", "text", "wrong code"],
)
def test_what_can_not_be_used_is_named_with_its_key(hub: dict[str, Any], words: str) -> None:
    with pytest.raises(UnusableConfiguration, match=words):
        apply_hub_values(Config(), hub)


@pytest.mark.parametrize("hub", [{}, {"config": None}, {"extraConfig": None}])
def test_nothing_stated_changes_nothing(hub: dict[str, Any]) -> None:
    c = Config()
    apply_hub_values(c, hub)
    assert c == {}

"""The wheel alone, without the checkout it was built from: everything travels inside, and a hub starts from it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from qhub_hub.testing.one_machine import RunningHub
from qhub_hub.testing.terminal import type_into_terminal

ROOT = Path(__file__).parents[2]
INSIDE = "qhub_hub/installation"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, open_folder: Path) -> Path:
    """Python of an environment that has this wheel and, from the tests' own environment, what the wheel needs.

    The folder is named in a .pth file: what is in it can be imported, but its own .pth files, one of which leads to the
    checkout, are not read.
    """
    folder = open_folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin/python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", str(wheel)], check=True)
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for shared in ("share", "etc"):  # JupyterLab and its extensions look for their files beside Python
        if (Path(sys.prefix) / shared).exists():
            shutil.rmtree(folder / shared, ignore_errors=True)
            (folder / shared).symlink_to(Path(sys.prefix) / shared)
    return python


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    ("beside", "inside"),
    [
        pytest.param("jupyterhub_config.d/*.py", f"{INSIDE}/jupyterhub_config.d", id="wiring"),
        pytest.param("helm/values.yaml", f"{INSIDE}/helm", id="default values"),
        pytest.param("qhub_hub/installation/proxy/*", f"{INSIDE}/proxy", id="the proxy's packages"),
        pytest.param("qhub_hub/hub/templates/*", "qhub_hub/hub/templates", id="pages"),
        pytest.param("qhub_hub/hub/static/*", "qhub_hub/hub/static", id="pictures"),
        pytest.param("qhub_hub/singleuser/jupyter/labconfig/*", "qhub_hub/singleuser/jupyter/labconfig", id="Lab"),
        pytest.param("qhub_hub/*/*.py", "", id="modules"),
    ],
)
def test_the_wheel_holds_what_the_checkout_has(wheel: Path, beside: str, inside: str) -> None:
    files = list(ROOT.glob(beside))
    assert files
    wanted = {f"{inside}/{file.name}" if inside else str(file.relative_to(ROOT)) for file in files}
    assert sorted(wanted - names_in(wheel)) == []


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    names = names_in(wheel)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"qhub_hub"}
    strange = [name for name in names if "__pycache__" in name or name.endswith(".pyc") or "/test_" in name]
    assert strange == []


def test_every_package_of_the_proxy_is_pinned_by_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packages = json.loads(archive.read(f"{INSIDE}/proxy/package-lock.json"))["packages"]
    loose = [
        name for name, package in packages.items() if name and not package.get("integrity", "").startswith("sha512-")
    ]
    assert len(packages) > 10
    assert loose == []


def test_the_command_answers_and_what_it_imports_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    command = [str(installed), "-c", "import qhub_hub.cli; print(qhub_hub.__file__)"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert Path(imported).is_relative_to(installed.parents[1])
    example = tmp_path / "values.yaml"
    example.write_text("qhub: {users: {ann: {}}}\n")
    qhub = str(installed.with_name("qhub"))
    explained = subprocess.run(
        [qhub, "explain", "--user", "ann", "-f", str(example)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "small" in explained.stdout
    assert str(ROOT) not in explained.stdout


def test_a_hub_from_the_wheel_serves_its_pages_and_starts_a_server(
    installed: Path, qhub_up: Callable[..., RunningHub], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # `python -m` looks for packages in its own folder first
    monkeypatch.setattr(sys, "executable", str(installed))
    hub = qhub_up("from-the-wheel")
    ann = hub.person("ann")
    page = BeautifulSoup(ann.http.get("/hub/spawn").text, "html.parser")
    assert "--qh-accent" in "".join(style.text for style in page.select("style"))
    logo = page.select_one("img.jpy-logo")
    assert logo is not None
    assert ann.http.get(str(logo["src"])).headers["content-type"].startswith("image/svg")
    for sheet in page.select("link[rel=stylesheet]"):
        assert ann.http.get(str(sheet["href"])).status_code == 200
    ann.start({"profile": "small"})
    assert ann.open_server().status_code == 200
    said = type_into_terminal(ann, "cd /; python -c 'import qhub_hub; print(qhub_hub.__file__)'; id -u")
    assert str(installed.parents[1]) in said
    assert (said.split()[-1] == str(os.geteuid())) == (os.geteuid() != 0)
    hub.stop()

"""Renders the chart with the real Helm, once per set of values."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.chart.manifests import Manifests

CHART = Path(__file__).parents[2] / "helm"
SETS = sorted((CHART / "ci").glob("*.yaml"))
MODULE = "helm.sh/helm/v3/cmd/helm@v3.22.0"

Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., Manifests]


@pytest.fixture(scope="session")
def helm_program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Helm from PATH, or built from its pinned module (minutes the first time, seconds from Go's cache)."""
    if found := shutil.which("helm"):
        return found
    go = shutil.which("go")
    if go is None:
        pytest.fail("neither helm nor Go is installed: without one of them the chart can't be rendered")
    folder = tmp_path_factory.mktemp("helm")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        [go, "install", MODULE], env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        pytest.fail(f"{MODULE} does not build; is the Go proxy reachable?\n{done.stderr[-2000:]}")
    return str(folder / "helm")


@pytest.fixture(scope="session")
def helm(helm_program: str, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run Helm, with neither a cluster nor anybody's own settings: `helm("lint", …)`."""
    home = tmp_path_factory.mktemp("home")
    environment = {"HOME": str(home), "PATH": os.defpath, "KUBECONFIG": str(home / "none")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [helm_program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return run


@pytest.fixture(scope="session")
def render(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """What would be installed: `render("ingress")` for `ci/ingress.yaml`, `render(values="qhub: …")` for a text."""
    folder = tmp_path_factory.mktemp("values")

    @cache
    def run(*sets: str, values: str = "", release: str = "qhub") -> Manifests:
        files = [CHART / "ci" / f"{name}.yaml" for name in sets]
        if values:
            files.append(folder / f"{abs(hash(values))}.yaml")
            files[-1].write_text(values)
        options = [word for file in files for word in ("-f", str(file))]
        done = helm("template", release, str(CHART), "--namespace", "team", *options)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return Manifests(done.stdout)

    return run


@pytest.fixture(scope="session")
def refusal(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """With which words Helm refuses values."""
    folder = tmp_path_factory.mktemp("refused")

    def run(values: str) -> str:
        (folder / "values.yaml").write_text(values)
        done = helm("template", "qhub", str(CHART), "-f", str(folder / "values.yaml"))
        assert done.returncode != 0, "it was let through"
        return done.stderr

    return run

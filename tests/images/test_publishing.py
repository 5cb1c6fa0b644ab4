"""The workflow that publishes images and chart: what it builds, what it may do, what it changes in the chart."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_it_builds_every_image_for_both_architectures_with_its_bill_of_materials() -> None:
    assert set(WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["name"]) == {
        path.parent.name for path in ROOT.glob("images/*/Dockerfile")
    }
    build = next(step["with"] for step in STEPS if step.get("id") == "build")
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    assert build["platforms"] == "linux/amd64,linux/arm64"


def test_it_has_no_rights_but_those_that_a_job_names() -> None:
    assert WORKFLOW["permissions"] == {}
    writers = {name for name, job in WORKFLOW["jobs"].items() if "write" in job["permissions"].values()}
    assert writers == {"image", "chart"}


@pytest.mark.parametrize("action", [step["uses"] for step in STEPS if "uses" in step])
def test_an_action_is_pinned(action: str) -> None:
    assert re.search(r"@([0-9a-f]{40}|v\d+)$", action)


@pytest.mark.parametrize("step", [step for step in STEPS if "run" in step], ids=lambda step: step["name"])
def test_no_text_from_outside_becomes_a_command(step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]  # such text is put in before the shell reads the line


def test_the_published_chart_takes_its_images_from_where_they_were_published(tmp_path: Path) -> None:
    step = next(step["run"] for step in STEPS if "imageRegistry" in step.get("run", ""))
    command = step.splitlines()[0].replace("helm/values.yaml", "values.yaml")
    before = (ROOT / "helm/values.yaml").read_text()
    (tmp_path / "values.yaml").write_text(before)
    environment = {"PUBLISHED": "ghcr.io/somebody", "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, check=True)
    after = yaml.safe_load((tmp_path / "values.yaml").read_text())
    assert after.pop("global")["imageRegistry"] == "ghcr.io/somebody"
    expected = yaml.safe_load(before)
    assert expected.pop("global")["imageRegistry"] == "localhost"
    assert after == expected

"""What a Dockerfile promises, read from its text: who runs it, what it is made of, what a change rebuilds."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ("hub", "lab", "conda-store", "proxy")
WITH_PYTHON = ("hub", "lab", "conda-store")
REQUIRING = ("hub", "lab")  # conda-store has a list of its own
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def instructions(image: str) -> list[tuple[str, str]]:
    """Instruction and arguments, in order; continued lines are one."""
    text = (ROOT / "images" / image / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(word.upper(), " ".join(rest.split())) for word, rest in lines]


def final_stage(image: str) -> list[tuple[str, str]]:
    found = instructions(image)
    last = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


@pytest.mark.parametrize("image", IMAGES)
def test_the_base_is_an_argument_and_debian_12(image: str) -> None:
    assert instructions(image)[0] == ("ARG", "BASE=docker.io/library/debian:bookworm-slim")
    stages = {name for word, text in instructions(image) if word == "FROM" for name in text.split()[2:3]} | set()
    named = {text.split(" AS ")[1] for word, text in instructions(image) if word == "FROM" and " AS " in text}
    for word, text in instructions(image):
        if word == "FROM":
            assert text.split()[0] in {"${BASE}", "scratch", *named, *stages}


@pytest.mark.parametrize("image", IMAGES)
def test_nobody_is_root_unless_the_cluster_says_so(image: str) -> None:
    users = [text for word, text in final_stage(image) if word == "USER"]
    assert users == ["1000:1000"]  # numbers: Kubernetes can't tell who a name is (runAsNonRoot)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(image: str) -> None:
    labels = next(text for word, text in final_stage(image) if word == "LABEL")
    names = re.findall(r"org\.opencontainers\.image\.([a-z.]+)=", labels)
    assert names == ["title", "description", "licenses", "version", "revision", "source", "base.name"]
    assert f'title="qhub/{image}"' in labels


@pytest.mark.parametrize("image", IMAGES)
def test_signals_reach_the_program_and_its_health_is_watched(image: str) -> None:
    found = dict(final_stage(image))
    assert json.loads(found["ENTRYPOINT"])[0] == "tini"
    assert json.loads(found["CMD"])
    assert "HEALTHCHECK" in found


@pytest.mark.parametrize("image", IMAGES)
def test_packages_come_from_registries_at_pinned_versions(image: str) -> None:
    text = "\n".join(text for word, text in instructions(image) if word == "RUN")
    assert not re.search(r"curl |wget |git clone|npm install|https?://", re.sub(r"apt-get install.*?&&", "", text))
    assert not any(word == "ADD" for word, _ in instructions(image))
    constrained = (
        "PIP_CONSTRAINT=/src/constraints.txt" in str(instructions(image)) or "--constraint constraints.txt" in text
    )
    assert constrained


@pytest.mark.parametrize("image", REQUIRING)
def test_every_package_of_an_image_has_one_version(image: str) -> None:
    pinned = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    command = [sys.executable, "images/requirements.py", "pyproject.toml", image]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    wanted = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", line)[0]).lower() for line in printed if line}  # type: ignore[index]
    assert {"jupyterhub", "pydantic"} < wanted
    assert wanted <= pinned
    assert {"hatchling", "pip"} <= pinned  # what builds the wheel; what people install with


@pytest.mark.parametrize("extras", [["hub"], ["lab"], ["hub", "lab"]], ids=", ".join)
def test_requirements_are_those_that_pip_would_find(extras: list[str]) -> None:
    requirements = runpy.run_path(str(ROOT / "images/requirements.py"))["requirements"]
    found = list(requirements(PROJECT["project"], extras))
    assert not any(line.startswith(PROJECT["project"]["name"]) for line in found)
    assert set(PROJECT["project"]["dependencies"]) < set(found)


@pytest.mark.parametrize("image", WITH_PYTHON)
def test_a_change_of_the_code_rebuilds_only_the_last_layers(image: str) -> None:
    copies = [text for word, text in final_stage(image) if word == "COPY"]
    assert [text.split()[0] for text in copies[-2:]] == ["--from=dependencies", "--from=application"]
    stage = ""
    for word, text in instructions(image):
        stage = text.split(" AS ")[-1] if word == "FROM" else stage
        if word == "COPY" and stage in ("builder", "dependencies"):
            assert not {"qhub_hub", "pyproject.toml"} & set(text.split())


def test_images_with_python_share_their_first_stages() -> None:
    shared = []
    for image in WITH_PYTHON:
        found = instructions(image)
        wheel = found.index(("FROM", "builder AS wheel"))
        shared.append(found[: wheel + [word for word, _ in found[wheel + 1 :]].index("FROM") + 1])
    assert shared[0] == shared[1] == shared[2]


@pytest.mark.parametrize("image", WITH_PYTHON)
def test_what_travels_in_the_wheel_is_given_to_its_build(image: str) -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {
        source
        for word, text in instructions(image)
        if word == "COPY" and "--from" not in text
        for source in text.split()[:-1]
    }
    for source in [*wheel["packages"], *wheel["force-include"], "pyproject.toml", "README.md", "LICENSE"]:
        assert any(source == given or source.startswith(f"{given}/") for given in copied), source


def test_nothing_but_sources_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    needed = {
        source.split("/")[0]
        for image in IMAGES
        for word, text in instructions(image)
        if word == "COPY" and "--from" not in text
        for source in text.split()[:-1]
    }
    assert {f"!/{name}" for name in needed} <= set(rules)

"""The libraries of Helm and Terraform, asked about the same files as QHub."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

READERS = Path(__file__).parent / "readers"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program `readers`, built from the pinned modules (minutes the first time, seconds from Go's cache)."""
    go = shutil.which("go")
    if go is None:
        missing = "Go is not installed: without it nobody knows whether Helm and Terraform read values as QHub does"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    program = tmp_path_factory.mktemp("readers") / "readers"
    build = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(program), "."]
    done = subprocess.run(build, cwd=READERS, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        pytest.fail(f"tests/parity/readers does not build; is the Go proxy reachable?\n{done.stderr[-2000:]}")
    return program


@pytest.fixture(scope="session")
def ask(readers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask both libraries: `ask(text, …, defaults=text)`, a text per `-f` file."""
    folder = tmp_path_factory.mktemp("values")
    process = subprocess.Popen(
        [readers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, answers = process.stdin, process.stdout

    def write(name: str, text: str) -> str:
        (folder / name).write_text(text, encoding="utf-8", newline="")
        return str(folder / name)

    def ask(*texts: str, defaults: str | None = None) -> dict[str, Any]:
        files = [write(f"{number}.yaml", text) for number, text in enumerate(texts)]
        request = {"files": files, "defaults": "" if defaults is None else write("defaults.yaml", defaults)}
        to.write(json.dumps(request) + "\n")
        to.flush()
        answer: dict[str, Any] = json.loads(answers.readline())
        return answer

    yield ask
    to.close()
    process.wait(timeout=30)
    answers.close()

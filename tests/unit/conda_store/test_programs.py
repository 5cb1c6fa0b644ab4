"""conda-store's programs on this machine: found, or what to install."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qhub_hub.cli.conda_store import conda_store_of
from qhub_hub.cli.conda_store_process import Program
from qhub_hub.config.models import Config


def site(**environments: Any) -> Any:
    return SimpleNamespace(config=Config.model_validate({"environments": environments}))


def test_where_qhub_builds_itself_nothing_is_looked_for(tmp_path: Path) -> None:
    machine: Any = object()
    assert conda_store_of(site(), Any, machine) == (machine, None, "")  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [(), ("conda-store-server",)])
def test_a_missing_program_is_named_with_what_to_install(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    missing = ("conda-store-server", "conda-store-worker")[len(there)]
    asked = site(provider="conda-store", condaStore={"programs": str(tmp_path)})
    machine: Any = object()
    found, store, sentence = conda_store_of(asked, Any, machine)  # type: ignore[arg-type]
    assert (found, store) == (machine, None)
    assert f"{missing} is not in {tmp_path}" in sentence
    assert "pip install conda-store-server==" in sentence
    assert "qhub.environments.condaStore.programs" in sentence


def test_a_program_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "import os, subprocess; subprocess.Popen(['sleep', '1000']); print('begun', os.getpgid(0), flush=True)"
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    program = Program(("python3", "-c", f"{script}; import time; time.sleep(1000)"), 0, environ, log, own_ids=False)
    program.start()
    while not log.exists() or "begun" not in log.read_text():
        time.sleep(0.02)
    group = int(log.read_text().split("begun ")[1].split()[0])
    program.end()
    program.wait()
    deadline = time.monotonic() + 10  # they are killed; the kernel takes its time
    while any(in_group(path, group) for path in Path("/proc").glob("[0-9]*/stat")):
        assert time.monotonic() < deadline, "what it had begun goes on"
        time.sleep(0.02)


def in_group(stat: Path, group: int) -> bool:
    try:
        words = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return words[2] == str(group) and words[0] != "Z"

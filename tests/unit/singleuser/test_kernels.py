"""Kernels of environments: named for people, gone with their environment, and a sentence where one can't start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import NoSuchKernel
from tornado.web import HTTPError

from qhub_hub.environments import MANIFEST, Environment, Kernel, write_manifest
from qhub_hub.singleuser.kernels import EnvironmentKernels, default_kernel

PYTHON = Kernel("python3", "Python 3", "python", ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"))
R = Kernel("ir", "R", "R", ("/build/bin/R", "--args", "{connection_file}"), {"R_HOME": "x"}, logos=("logo-64x64.png",))


def put(folder: Path, **kernels: tuple[Kernel, ...]) -> None:
    folder.mkdir(exist_ok=True)
    entries = []
    for name, found in kernels.items():
        prefix = folder / "builds" / name / "1"
        prefix.mkdir(parents=True, exist_ok=True)
        entries.append(Environment(folder.name, name, str(prefix), build="1", kernels=found))
    write_manifest(folder, tuple(entries))


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentKernels:
    folders = (tmp_path / "global", tmp_path / "group-data", tmp_path / "not-there")
    monkeypatch.setenv("QHUB_ENVIRONMENTS", ":".join(map(str, folders)))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "home"))
    return EnvironmentKernels()


def shared(manager: EnvironmentKernels) -> dict[str, Any]:
    return {name: spec for name, spec in manager.get_all_specs().items() if name.startswith("env--")}


def test_kernels_appear_change_and_go_while_the_server_runs(tmp_path: Path, manager: EnvironmentKernels) -> None:
    assert shared(manager) == {}
    put(tmp_path / "global", analysis=(PYTHON,), both=(PYTHON, R))
    put(tmp_path / "group-data", analysis=(PYTHON,))
    put(tmp_path / "group-else", analysis=(PYTHON,))
    assert {name: spec["spec"]["display_name"] for name, spec in shared(manager).items()} == {
        "env--global--analysis--python3": "analysis (global)",
        "env--global--both--python3": "both (global, Python 3)",
        "env--global--both--ir": "both (global, R)",
        "env--group-data--analysis--python3": "analysis (group-data)",
    }
    assert "python3" in manager.get_all_specs(), "the server's own stays"
    put(tmp_path / "global")
    assert list(shared(manager)) == ["env--group-data--analysis--python3"]
    assert set(shared(manager)) < set(manager.find_kernel_specs())


def test_a_kernel_runs_from_the_build_itself_with_its_programs_first(
    tmp_path: Path, manager: EnvironmentKernels
) -> None:
    put(tmp_path / "global", both=(PYTHON, R))
    prefix = f"{tmp_path}/global/builds/both/1"
    python = manager.get_kernel_spec("env--global--both--python3")
    assert python.argv == [f"{prefix}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert python.env == {
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": "global/both",
        "CONDA_SHLVL": "1",
        "QHUB_KERNEL_ENVIRONMENT": "global/both",
        "PATH": f"{prefix}/bin:/usr/bin",
    }
    r = manager.get_kernel_spec("env--global--both--ir")
    assert (r.argv[0], r.language, r.env["R_HOME"]) == (f"{prefix}/bin/R", "R", "x")
    logos = shared(manager)["env--global--both--ir"]["resources"]
    assert logos == {"logo-64x64": "/kernelspecs/env--global--both--ir/logo-64x64.png"}


@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("env--global--gone--python3", 404, "The environment global/gone is not there any more"),
        ("env--group-secret--x--python3", 404, "or you may no longer use it"),
        ("env--", 404, "is not there any more"),
        ("env--../../etc--x", 404, "is not there any more"),
        ("env--global--broken--python3", 409, "global/broken can't be used: Its kernel needs R, which is not in it."),
        ("env--global--failed--", 409, "global/failed can't be used: A channel is down."),
        ("env--global--lost--python3", 409, "The files of global/lost are not there, or not open to you."),
    ],
)
def test_what_can_not_start_says_why(
    tmp_path: Path, manager: EnvironmentKernels, name: str, status: int, sentence: str
) -> None:
    folder = tmp_path / "global"
    put(folder, broken=(Kernel("python3", problem="Its kernel needs R, which is not in it."),), lost=(PYTHON,))
    (folder / "builds/lost/1").rmdir()
    failed = {"name": "failed", "status": "failed", "prefix": "", "message": "A channel is down."}
    (folder / MANIFEST).write_text(json.dumps([*json.loads((folder / MANIFEST).read_text()), failed]))
    with pytest.raises(HTTPError) as refused:
        manager.get_kernel_spec(name)
    assert refused.value.status_code == status
    assert sentence in str(refused.value.log_message)
    if "lost" not in name:
        assert name not in shared(manager)


def test_jupyters_own_kernels_are_looked_up_as_ever(manager: EnvironmentKernels) -> None:
    assert manager.get_kernel_spec("python3").language == "python"
    with pytest.raises(NoSuchKernel):
        manager.get_kernel_spec("nope")


def test_a_damaged_manifest_hides_one_namespace_and_is_logged_once(
    tmp_path: Path, manager: EnvironmentKernels, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "global", one=(PYTHON,))
    put(tmp_path / "group-data", one=(PYTHON,))
    (tmp_path / "global" / MANIFEST).write_text("{half")
    manager.log.propagate = True
    for _ in range(3):
        assert list(shared(manager)) == ["env--group-data--one--python3"]
    assert caplog.text.count("is damaged") == 1


def test_nothing_is_written_to_the_home(tmp_path: Path, manager: EnvironmentKernels) -> None:
    put(tmp_path / "global", one=(PYTHON,))
    shared(manager)
    assert not (tmp_path / "home").exists()


def test_the_environment_that_was_chosen_gives_the_first_kernel(tmp_path: Path) -> None:
    broken = Kernel("aa", problem="It is broken.")
    put(tmp_path / "global", one=(broken, PYTHON), two=())
    env = {"QHUB_ENVIRONMENTS": f"{tmp_path}/global:{tmp_path}/other"}
    assert default_kernel({**env, "QHUB_ENVIRONMENT": "global/one"}) == "env--global--one--python3"
    for chosen in ("global/two", "global/gone", "other/one", "", "x"):
        assert default_kernel({**env, "QHUB_ENVIRONMENT": chosen}) == ""
    assert default_kernel({}) == ""


def test_kernels_cost_a_server_nothing_that_it_has_not_loaded_anyway() -> None:
    code = (
        "import sys, jupyter_server.serverapp, jupyter_client.kernelspec; before = set(sys.modules)\n"
        "import qhub_hub.singleuser.kernels; print(*sorted(set(sys.modules) - before))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(name.startswith("qhub_hub") for name in answer.split()), answer


def test_changes_are_counted_once_each(tmp_path: Path, manager: EnvironmentKernels) -> None:
    before = manager.changes()
    assert manager.changes() == before
    put(tmp_path / "global", one=(PYTHON,))
    after = manager.changes()
    assert after > before
    shared(manager)
    assert manager.changes() == after

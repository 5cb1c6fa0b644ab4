from pathlib import Path

import pytest

from qhub_hub.sessions import make_plan, parse_request, to_process

ROOT = Path("/srv/files")


@pytest.fixture
def process(config_of, person):
    def build(*groups, **profile):
        site = config_of(profiles={"p": profile})
        plan = make_plan(site, person("ann", *groups, uid=5001, directory="ann-1"), parse_request({}))
        return to_process(plan, root=ROOT, python="/venv/bin/python")

    return build


def test_a_process_runs_as_the_person_in_their_home(process):
    started = process("data", "gpu")
    assert (started.uid, started.gid, started.gids, started.umask) == (5001, 5001, (70_000, 70_001), 0o002)
    assert started.cwd == ROOT / "home" / "ann-1"


def test_paths_are_those_of_this_machine(process):
    env = process("data").env
    assert (env["HOME"], env["QHUB_SHARED"]) == ("/srv/files/home/ann-1", "/srv/files/shared")
    assert "QHUB_SHARED" not in process("all").env


def test_it_runs_the_entry_or_the_profiles_own_command(process):
    assert process().argv == ("/venv/bin/python", "-P", "-m", "qhub_hub.singleuser")
    assert process(command=["code-server", "--port", "1"]).argv == ("code-server", "--port", "1")


def test_limits_are_whole_bytes_and_cores(process):
    started = process(cpu={"limit": 1.5}, memory={"limit": "1.5Gi"})
    assert (started.memory_limit, started.cpu_limit) == (1_610_612_736, 1.5)
    assert (process().memory_limit, process().cpu_limit) == (None, None)


def test_its_variables_cannot_be_changed(process):
    with pytest.raises(TypeError):
        process().env["HOME"] = "/root"

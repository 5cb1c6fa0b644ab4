"""A real hub with environments: built while people work, in their JupyterLab within seconds, and nobody else's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub.cli import main
from qhub_hub.testing.one_machine import Person, RunningHub
from qhub_hub.testing.waiting import eventually
from tests.environments.lab import kernels_of, run_cell, start_kernel

VALUES = """
qhub:
  users: {{ann: {{}}, bob: {{}}}}
  groups: {{data: {{members: [ann]}}}}
  profiles:
    chosen:
      order: -1
      cpu: {{limit: 1}}
      options: {{environments: ["group-data/*", "global/*"]}}
  environments:
    channels: ["{channel}"]
    keep: {{minFree: 1Mi}}
    declared:
      group-data/work: {{dependencies: [python, ipykernel]}}
{more}
"""
ANNS = "env--group-data--work--python3"


@pytest.fixture(scope="module")
def hub(qhub_up: Callable[..., RunningHub], channel: str) -> RunningHub:
    return qhub_up("environments", VALUES.format(channel=channel, more=""))


def wait_for(person: Person, name: str) -> None:
    eventually(lambda: name in kernels_of(person))


def signed_in(hub: RunningHub, name: str) -> Person:
    person = hub.person(name)
    person.start({"profile": "chosen"})
    person.open_server()
    return person


@pytest.mark.root
def test_an_environment_appears_in_a_running_lab_and_its_kernel_is_the_person(
    hub: RunningHub, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, bob = signed_in(hub, "ann"), signed_in(hub, "bob")
    wait_for(ann, ANNS)
    assert kernels_of(ann)[ANNS]["spec"]["display_name"] == "work (group-data)"
    assert any(logo.endswith(".png") for logo in kernels_of(ann)[ANNS]["resources"].values())
    assert ann.http.get(kernels_of(ann)[ANNS]["resources"]["logo-64x64"]).status_code == 200

    kernel = start_kernel(ann, ANNS).json()["id"]
    code = "import os, sys; print(sys.prefix, os.environ['CONDA_PREFIX'], os.environ['CONDA_DEFAULT_ENV'], os.getuid())"
    prefix, conda, key, uid = run_cell(ann, kernel, code).split()
    folder = hub.state / "files/environments/group-data"
    assert prefix == conda == str((folder / "envs/work").resolve())
    assert (key, int(uid) >= 100_000) == ("group-data/work", True)
    assert "PermissionError" in run_cell(ann, kernel, "import sys; print(open(sys.prefix + '/mine', 'w'))")

    # Who is not in the group sees nothing of it, asks in vain, and can't read the files.
    assert ANNS not in kernels_of(bob)
    refused = start_kernel(bob, ANNS)
    assert (refused.status_code, "you may no longer use it" in refused.text) == (404, True)
    own = start_kernel(bob, "python3").json()["id"]
    assert "PermissionError" in run_cell(bob, own, f"import os; print(os.listdir({str(folder)!r}))")

    # The command sees the same, and a program that runs from a build keeps it.
    state = ["--state", str(hub.state), "-f", str(hub.values[0])]
    assert main(["env", "list", *state]) == 0
    assert "group-data/work" in capsys.readouterr().out
    assert main(["env", "explain", "group-data/work", *state]) == 0
    said = capsys.readouterr().out
    assert "ready, in force, in use" in said
    assert "members of data" in said
    assert main(["env", "log", "group-data/work", *state]) == 0
    assert "Installed" in capsys.readouterr().out
    assert main(["env", "rollback", "group-data/work", *state]) == 1
    assert "no build before the one in force" in capsys.readouterr().err
    assert main(["env", "remove", "group-data/work", *state]) == 1
    assert "stated in qhub.environments.declared.group-data/work" in capsys.readouterr().err

    # It is a choice at the next start, and its kernel the first one.
    ann.stop()
    assert "group-data/work" in ann.http.get("/hub/spawn").text
    assert "group-data/work" not in bob.http.get("/hub/spawn/bob").text
    ann.start({"profile": "chosen", "environment": "group-data/work"})
    ann.open_server()
    assert ann.http.get(f"{ann.prefix()}api/kernelspecs").json()["default"] == ANNS
    refused = bob.api("POST", "/users/bob/servers/x", {"profile": "chosen", "environment": "group-data/work"})
    assert refused.status_code == 403

    # Declared while everything runs: there without a restart of anything.
    more = "      global/late: {dependencies: [echo-kernel]}"
    channel = json.loads(hub.values[0].read_text().split("channels: ")[1].splitlines()[0])[0]
    Path(hub.values[0]).write_text(VALUES.format(channel=channel, more=more))
    wait_for(bob, "env--global--late--echo")
    wait_for(ann, "env--global--late--echo")

    # A damaged manifest hides one namespace, and says so to administrators only.
    (hub.state / "files/environments/global/.qhub-envs.json").write_text("{half")
    assert "env--global--late--echo" not in kernels_of(ann)
    assert ANNS in kernels_of(ann)
    assert "is damaged" not in bob.http.get("/hub/spawn/bob").text

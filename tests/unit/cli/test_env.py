"""`qhub env`: what there is, in words, and the way back; nothing that ends in a traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub.cli import main
from qhub_hub.cli.environments import builds_in
from qhub_hub.cli.state import StateFolder
from qhub_hub.environments import MANIFEST, Kernel, read_manifest
from qhub_hub.environments.builds import Build, Builds

VALUES = """
qhub:
  environments:
    channels: ["file:///srv/conda"]
    declared:
      global/analysis: {dependencies: [python=3.11, ipykernel]}
      geo/later: {dependencies: [gdal], gpu: true}
"""
KERNEL = Kernel("python3", "Python 3", "python", ("python",))


class Machine:
    """A state folder with builds that were never really made."""

    def __init__(self, folder: Path) -> None:
        (folder / "values.yaml").write_text(VALUES)
        self.options = ["--state", str(folder / "state"), "-f", str(folder / "values.yaml")]
        self.builds: Builds = builds_in(StateFolder(folder / "state").files)

    def put(self, key: str, digest: str, message: str = "") -> str:
        namespace, _, name = key.partition("/")
        with self.builds.locked(namespace, name):
            found = self.builds.begin(namespace, name, digest * 12)
            log = self.builds.folder(namespace, name) / f"{found}.log"
            log.write_text(f"[12:00:00] Building {key}\n\x1b[2J{digest}\n")
            status = "failed" if message else "ready"
            build = Build(found, status, message, kernels=(KERNEL,), packages={"python": "3.11"}, size=2**20)
            self.builds.finish(namespace, name, build)
            if message:
                self.builds.publish(namespace, name)
            else:
                self.builds.switch(namespace, name, found)
        return found

    def run(self, *words: str) -> int:
        return main(["env", *words, *self.options])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[str, str]]:
    return lambda: tuple(capsys.readouterr())  # type: ignore[return-value]


def test_list_says_what_is_ready_what_failed_and_what_is_to_come(machine: Machine, said: Callable[[], tuple]) -> None:
    machine.put("global/analysis", "a")
    machine.put("global/old", "b")
    assert machine.run("list") == 0
    lines = said()[0].splitlines()
    assert lines == [
        f"{'global/analysis':30} ready    1 packages, 1 MiB, python",
        f"{'global/old':30} ready    1 packages, 1 MiB, python; stated nowhere any more",
        f"{'geo/later':30} not built yet",
    ]
    machine.put("global/analysis", "c", "The disk is full.")
    assert machine.run("list") == 1
    assert "The disk is full." in said()[0]
    assert machine.run("list", "--json") == 1
    assert json.loads(said()[0])[0]["message"] == "The disk is full."


def test_a_damaged_manifest_is_said_and_the_others_are_listed(machine: Machine, said: Callable[[], tuple]) -> None:
    machine.put("global/analysis", "a")
    machine.put("geo/later", "a")
    (machine.builds.namespace("geo") / MANIFEST).write_text("{")
    assert machine.run("list") == 1
    out, err = said()
    assert "global/analysis" in out
    assert "is damaged" in err


def test_rollback_goes_back_step_by_step_and_stays_there(machine: Machine, said: Callable[[], tuple]) -> None:
    first, second = machine.put("global/analysis", "a"), machine.put("global/analysis", "b")
    machine.put("global/analysis", "c", "It failed.")
    assert machine.run("rollback", "global/analysis") == 0
    assert "is as it was built on" in said()[0]
    assert machine.builds.current("global", "analysis") == first
    (entry,) = read_manifest(machine.builds.namespace("global"))
    assert entry.prefix.endswith(first)
    assert machine.run("rollback", "global/analysis") == 1
    assert "no build before the one in force" in said()[1]
    assert (machine.builds.folder("global", "analysis") / second).is_dir(), "the way forward stays, too"


def test_remove_is_for_what_is_stated_no_more(machine: Machine, said: Callable[[], tuple]) -> None:
    machine.put("global/analysis", "a")
    machine.put("global/old", "b")
    assert machine.run("remove", "global/analysis") == 1
    assert "Remove it there first" in said()[1]
    assert machine.run("remove", "global/old") == 0
    assert [environment.key for environment in read_manifest(machine.builds.namespace("global"))] == ["global/analysis"]
    assert machine.builds.names("global") == ("analysis",)
    assert machine.run("remove", "global/old") == 1


def test_the_log_can_not_take_over_a_terminal(machine: Machine, said: Callable[[], tuple]) -> None:
    machine.put("global/analysis", "a")
    assert machine.run("log", "global/analysis") == 0
    assert said()[0] == "[12:00:00] Building global/analysis\n�[2Ja\n"


def test_explain_says_where_it_is_stated_who_sees_it_and_what_is_in_force(
    machine: Machine, said: Callable[[], tuple]
) -> None:
    key = machine.put("global/analysis", "a")
    assert machine.run("explain", "global/analysis") == 0
    out = said()[0]
    for line in (
        "values.yaml:6)",
        "Packages     python=3.11, ipykernel",
        "Due          yes",
        "Seen by      everybody",
        "in force",
        key,
        "Kernel       Python 3 (python)",
    ):
        assert line in out
    assert machine.run("explain", "geo/later") == 0
    assert "CUDA 12.4" in said()[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["log", "global/nope"], "was never built"),
        (["log", "nope"], "write NAMESPACE/NAME"),
        (["log", "../x"], "no name of a namespace"),
        (["remove", "global/../../etc"], "no name of an environment"),
        (["rollback", "global/nope"], "There is no environment global/nope"),
        (["explain", "global/nope"], "There is no environment global/nope"),
        (["build", "global/nope"], "Nothing says how 'global/nope' is built"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_said(
    machine: Machine, words: list[str], sentence: str, said: Callable[[], tuple]
) -> None:
    assert machine.run(*words) == 1
    assert sentence in said()[1]
    assert not (machine.builds.root / "global" / "builds" / "nope").exists()

"""Kernels of a real environment, in any language, and builds that programs still run from."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qhub_hub.config.models.environments import Retention
from qhub_hub.environments import read_manifest
from qhub_hub.environments.builds import BuildError
from qhub_hub.environments.garbage import collect, in_use, remove
from qhub_hub.singleuser.kernels import EnvironmentKernels


@pytest.fixture
def manager(kernels, monkeypatch: pytest.MonkeyPatch) -> EnvironmentKernels:
    monkeypatch.setenv("QHUB_ENVIRONMENTS", str(kernels.builds.namespace("global")))
    return EnvironmentKernels()


def test_python_starts_from_the_build_with_its_programs_first(kernels, manager: EnvironmentKernels) -> None:
    spec = manager.get_kernel_spec("env--global--work--python3")
    prefix = kernels.prefix("global/work")
    code = "import ipykernel, os, shutil, sys; print(sys.prefix, shutil.which('python'), ipykernel.__file__)"
    started = [*spec.argv[: spec.argv.index("-m")], "-c", code]
    said = subprocess.run(started, env={**os.environ, **spec.env}, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(prefix), f"{prefix}/bin/python", said.split()[2]]
    assert said.split()[2].startswith(f"{prefix}/lib/")
    assert spec.display_name == "work (global, Python 3 (ipykernel))"


def test_another_language_starts_with_what_its_packages_set(
    kernels, manager: EnvironmentKernels, tmp_path: Path
) -> None:
    spec = manager.get_kernel_spec("env--global--work--echo")
    assert spec.language == "echo"
    answer = tmp_path / "answer"
    argv = [word.format(connection_file=answer) if word == "{connection_file}" else word for word in spec.argv]
    subprocess.run(argv, env={**os.environ, **spec.env}, check=True)
    assert answer.read_text().strip() == f"{kernels.prefix('global/work')}/share/echo"


def test_modules_are_compiled_because_people_can_not_write_there(kernels) -> None:
    (library,) = kernels.prefix("global/work").glob("lib/python3.*")
    assert len(list(library.rglob("*.pyc"))) > 500


def test_the_manifest_says_what_is_inside(kernels) -> None:
    (entry,) = read_manifest(kernels.builds.namespace("global"))
    assert entry.python == ".".join(map(str, sys.version_info[:3]))
    assert {"python", "ipykernel", "tornado"} <= entry.packages.keys()
    assert [(kernel.name, kernel.language) for kernel in entry.kernels] == [("echo", "echo"), ("python3", "python")]
    assert entry.activated
    assert entry.size > 20_000_000


@contextlib.contextmanager
def running_from(prefix: Path) -> Iterator[None]:
    with subprocess.Popen(["sleep", "60"], cwd=prefix / "share") as process:
        try:
            deadline = time.monotonic() + 5
            while not in_use([prefix]):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield
        finally:
            process.kill()


def test_a_running_python_keeps_its_build(kernels) -> None:
    prefix = kernels.prefix("global/work")
    other = prefix.with_name("other")
    with subprocess.Popen(
        [prefix / "bin/python", "-c", "print('up', flush=True); input()"], stdin=-1, stdout=-1
    ) as one:
        assert one.stdout is not None
        one.stdout.readline()
        assert in_use([prefix, other]) == {prefix}
        with pytest.raises(BuildError, match="is in use"):
            remove(kernels.builds, "global", "work")
        one.kill()


def test_old_builds_go_but_for_those_kept_in_force_or_in_use(place) -> None:
    keys = [place.build("global/one", "tiny", f"tiny {version}").key for version in ("=1.0", "=2.0", ">1", ">=1")]
    folder = place.builds.folder("global", "one")
    nobody = Retention(keep_builds=1, grace=0)
    assert collect(place.builds, "global", "one", Retention(keep_builds=1, grace=3600)) == (), "all of them are young"
    with running_from(folder / keys[0]):
        assert set(collect(place.builds, "global", "one", nobody)) == set(keys[1:3])
        assert (folder / keys[0] / "share/tiny").read_text() == "one"
    assert collect(place.builds, "global", "one", nobody) == (keys[0],)
    assert place.prefix("global/one") == folder / keys[3]
    remove(place.builds, "global", "one")
    assert read_manifest(place.builds.namespace("global")) == ()
    assert not place.builds.link("global", "one").is_symlink()
    with pytest.raises(BuildError, match="There is no environment global/two"):
        remove(place.builds, "global", "two")

"""The real libnss_wrapper, in child processes only."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qhub_hub.identity import NamesUnavailable, View, build_nss_abi, nss, render_group, render_passwd
from qhub_hub.identity.entries import GroupEntry, PasswdEntry

pytestmark = pytest.mark.usefixtures("library")

ANN = PasswdEntry("ann", 100_000, 100_000, "Änn Löwe, 李", "/home/ann", "/bin/bash")
GROUPS = (
    GroupEntry("ann", 100_000),
    GroupEntry("data", 70_000, ("ann", "bob")),
    GroupEntry("gpu", 70_001, ("bob",)),
    GroupEntry("all", 70_002, (*(f"user{n:05d}" for n in range(10_000)), "ann")),
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    passwd, group = tmp_path / "passwd", tmp_path / "group"
    view = View((ANN,), GROUPS)
    passwd.write_text(render_passwd(view), encoding="utf-8")
    group.write_text(render_group(view), encoding="utf-8")
    return passwd, group


def test_a_person_resolves_to_the_rendered_ids_also_in_a_group_of_ten_thousand(
    files: tuple[Path, Path],
) -> None:
    resolved = nss.check(*files, "ann")
    assert resolved.by_name == resolved.by_uid == ANN
    assert resolved.groups == (70_000, 70_002, 100_000)
    assert resolved.group_names == ("data", "all", "ann")


@pytest.mark.root
def test_a_process_that_takes_on_the_groups_has_them_in_the_kernel(files: tuple[Path, Path]) -> None:
    assert nss.check(*files, "ann", initgroups=True).entered == (70_000, 70_002, 100_000)


def test_a_person_who_is_not_in_the_files_is_not_found(files: tuple[Path, Path]) -> None:
    assert nss.check(*files, "root").by_name is None


def test_the_command_prints_json(files: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "qhub_hub.identity.nss", "check"]
    arguments = ["--passwd", str(files[0]), "--group", str(files[1]), "--user", "ann"]
    answer = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)[0]["by_name"]["uid"] == 100_000
    assert answer.stderr == ""


def test_the_caller_never_loads_the_library(files: tuple[Path, Path]) -> None:
    nss.check(*files, "ann")
    assert "libnss_wrapper" not in Path("/proc/self/maps").read_text()
    assert not any(name.startswith("NSS_WRAPPER") for name in os.environ)


def test_what_is_preloaded_into_the_caller_does_not_reach_the_child(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", str(nss.find_nss_wrapper()))
    monkeypatch.setenv("NSS_WRAPPER_PASSWD", "/nowhere")
    assert nss.check(*files, "ann").by_name == ANN


def test_a_second_copy_in_one_process_is_refused_before_it_can_hang(files: tuple[Path, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from qhub_hub.identity.nss_wrapper import NssWrapper\n"
        "from qhub_hub.identity import NamesUnavailable\n"
        "first = NssWrapper(*map(Path, sys.argv[1:]))\n"
        "try: NssWrapper(*map(Path, sys.argv[1:]))\n"
        "except NamesUnavailable as error: print(error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(nss.find_nss_wrapper()), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "a second copy would hang it" in answer.stdout


def test_missing_files_and_a_missing_library_get_a_sentence(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nss.check(tmp_path / "none", files[1], "ann").by_name is None
    with pytest.raises(NamesUnavailable, match=r"took more than 0.001 s"):
        nss.check(*files, "ann", timeout=0.001)
    monkeypatch.setattr(nss, "find_nss_wrapper", lambda: None)
    with pytest.raises(NamesUnavailable, match="Install the distribution's libnss-wrapper"):
        nss.check(*files, "ann")


def test_the_generated_binding_is_up_to_date() -> None:
    assert build_nss_abi.TARGET.read_text(encoding="utf-8") == build_nss_abi.source(), (
        "run: python -m qhub_hub.identity.build_nss_abi"
    )

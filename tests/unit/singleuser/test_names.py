"""Whether terminals show names, and the sentence when they do not."""

import os
import pwd
from pathlib import Path

import pytest

from qhub_hub.installation.libraries import find_nss_wrapper
from qhub_hub.singleuser import names
from qhub_hub.singleuser.names import NOTICE, Names

LIBRARY = find_nss_wrapper()
needs_library = pytest.mark.skipif(LIBRARY is None, reason="libnss-wrapper is not installed")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Files that call the user of this process `ann`."""
    uid = os.getuid()
    (tmp_path / "passwd").write_text(f"ann:x:{uid}:{uid}:Ann:/home/ann:/bin/bash\n")
    (tmp_path / "group").write_text(f"ann:x:{uid}:\n")
    return {
        "PATH": os.environ["PATH"],
        "USER": "ann",
        "NSS_WRAPPER_PASSWD": str(tmp_path / "passwd"),
        "NSS_WRAPPER_GROUP": str(tmp_path / "group"),
    }


def test_where_the_system_names_us_nothing_is_preloaded(env: dict[str, str]) -> None:
    env["USER"] = pwd.getpwuid(os.getuid()).pw_name
    assert Names(env).give_to_children(env) == ""
    assert "LD_PRELOAD" not in env


@needs_library
def test_names_resolve_through_the_library(env: dict[str, str]) -> None:
    assert Names(env).give_to_children(env) == ""
    assert env["LD_PRELOAD"] == str(LIBRARY)
    assert NOTICE not in env


@needs_library
def test_what_others_preload_stays_behind_ours(env: dict[str, str]) -> None:
    # The library itself stands in for the other one: loading it twice is harmless, an absent file warns.
    env["LD_PRELOAD"] = str(LIBRARY)
    assert Names(env).give_to_children(env) == ""
    assert env["LD_PRELOAD"] == f"{LIBRARY}:{LIBRARY}"


@needs_library
@pytest.mark.parametrize(
    "passwd",
    ["", "# a comment\nann:x:{uid}:{uid}::/:/bin/sh\n", "bob:x:{uid}:{uid}::/:/bin/sh\n"],
    ids=["empty", "broken", "another-name"],
)
def test_files_that_do_not_name_us_are_not_used(env: dict[str, str], passwd: str) -> None:
    Path(env["NSS_WRAPPER_PASSWD"]).write_text(passwd.format(uid=os.getuid()))
    notice = Names(env).give_to_children(env)
    assert notice == env[NOTICE]
    assert notice.endswith(f"because the name files don't say that user id {os.getuid()} is 'ann'.")
    assert "LD_PRELOAD" not in env


@pytest.mark.parametrize("name", ["NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"])
def test_one_file_alone_is_told(env: dict[str, str], name: str) -> None:
    # The library stays silently off with one of the two (facts/identity-storage.md §2).
    path = env.pop(name)
    assert Names(env, LIBRARY).give_to_children(env).endswith(f"because {name} is not set.")
    env[name] = path + "-absent"
    assert Names(env, LIBRARY).give_to_children(env).endswith(f"because {path}-absent can't be read.")


def test_a_missing_library_is_told_with_its_package(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "find_nss_wrapper", lambda: None)
    assert "(Debian: libnss-wrapper)" in Names(env).give_to_children(env)
    assert "LD_PRELOAD" not in env


def test_a_library_that_hangs_is_given_up(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "id").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    env["PATH"] = os.environ["PATH"]
    monkeypatch.setattr(names, "_PATIENCE", 0.1)
    library = tmp_path / "absent.so"  # the system's loader warns and goes on
    assert Names(env, library).give_to_children(env).endswith("because looking one up took more than 0.1 s.")


def test_an_image_without_the_id_command_still_starts(env: dict[str, str], tmp_path: Path) -> None:
    env["PATH"] = str(tmp_path)
    notice = Names(env, tmp_path / "absent.so").give_to_children(env)
    assert "names are shown as numbers" in notice

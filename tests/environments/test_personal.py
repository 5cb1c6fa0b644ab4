"""A person's own folder, with real builds: theirs within a look, gone with its file, and never without a word."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.config.models import Config
from qhub_hub.environments import read_manifest
from qhub_hub.environments import upkeep as upkeep_module
from qhub_hub.environments.access import Access
from qhub_hub.environments.personal import PersonalFolders
from qhub_hub.environments.reconcile import Reconciler
from qhub_hub.identity.records import UserRecord

ANN = UserRecord("ann", "ann", 120_001, 120_001, "ann")


def test_a_file_in_a_home_becomes_an_environment_and_takes_it_along(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = os.geteuid() == 0
    folder = tmp_path / "ann" / "environments"
    folder.mkdir(parents=True)
    if root:
        os.chown(folder, ANN.uid, ANN.gid)
    config = Config.model_validate(
        {
            "environments": {
                "channels": [place.channel],
                "keep": {"minFree": "1Mi"},
                "personal": {"quota": "2Mi"},
            }
        }
    )
    access = Access(False, (ANN.gid,) if root else (), own_ids=root)
    homes = PersonalFolders(tmp_path, lambda: [ANN], root)
    reconciler = Reconciler(place.builds, lambda: config, lambda _: access, logging.getLogger("personal-test"), homes)

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text)
        if root:
            os.chown(path, ANN.uid, ANN.gid)
        return path

    def told() -> dict[str, tuple[str, str]]:
        reconciler.look()
        found = read_manifest(place.builds.namespace("user-ann"))
        return {one.name: (one.packages.get("tiny", ""), one.message) for one in found}

    reconciler.look()
    assert not place.builds.namespace("user-ann").exists(), "whoever wants nothing gets no folder"
    path = put("mine.yaml", "dependencies: [tiny=1.0]\n")
    assert told() == {"mine": ("1.0", "")}
    state = place.builds.namespace("user-ann").stat()
    assert (state.st_gid, state.st_mode & 0o777) == (ANN.gid, 0o750) if root else True
    put("mine.yaml", "dependencies: [tiny=2.0]\n")
    put("large.yaml", "dependencies: [big]\n")
    put("broken.yaml", "dependencies: [{pip: [x]}]\n")
    found = told()
    assert found["mine"] == ("2.0", "")
    assert "were left for it" in found["large"][1] or "may still be used" in found["large"][1]
    assert "packages below `pip:` are not built" in found["broken"][1]
    path.unlink()
    (folder / "broken.yaml").unlink()
    assert set(told()) == {"mine", "large"}
    monkeypatch.setattr(upkeep_module, "_GONE_AFTER", timedelta())
    assert set(told()) == {"large"}

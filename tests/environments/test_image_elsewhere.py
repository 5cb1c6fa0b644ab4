"""Images of environments that conda-store has built, whose builds lie side by side in `builds`."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qhub_hub.environments import Environment, write_manifest
from qhub_hub.environments.builds import BuildError
from qhub_hub.environments.oci import ImageError, export_image, parse_reference
from tests.environments.test_image import Found, export, unpacked

KEY = "0a1b2c3d-{}-{}-one"


def as_conda_store_builds(place, stamp: str, number: int) -> Path:
    """Build `group-a/one` as conda-store's worker would, and name it in the manifest."""
    place.build("group-a/one", "tiny=1.0", "big")
    source = place.prefix("group-a/one")
    folder = place.builds.namespace("group-a")
    prefix = folder / "builds" / KEY.format(stamp, number)
    source.rename(prefix)
    shutil.rmtree(folder / "builds" / "one")
    for path in (prefix / "conda-meta").glob("*.json"):
        path.write_text(path.read_text().replace(str(source), str(prefix)))
    (prefix / "conda-meta/history").write_text(f"==> {stamp} <==\n# cmd: conda-store {number}\n")
    packages = {"tiny": "1.0", "big": "1.0"}
    write_manifest(folder, (Environment("group-a", "one", str(prefix), build=prefix.name, packages=packages),))
    return prefix


def test_another_build_of_the_same_packages_is_the_same_image(new_place: Callable[[], object], tmp_path: Path) -> None:
    found: list[Found] = []
    for number, stamp in enumerate(("1795300000-000001", "1795399999-000002")):
        place = new_place()
        as_conda_store_builds(place, stamp, number)
        found.append(export(place.builds, "group-a/one", tmp_path / str(number)))
    assert found[0] == found[1]
    assert found[0].config["config"]["Labels"]["org.opencontainers.image.version"] == "0a1b2c3d"
    unpacked(tmp_path / "0", tmp_path / "root")
    assert (tmp_path / "root/opt/environment/share/tiny").read_text() == "one"
    assert (tmp_path / "root/opt/environment/conda-meta/history").read_text() == ""


def test_a_build_that_is_removed_meanwhile_is_said(place, tmp_path: Path) -> None:
    prefix = as_conda_store_builds(place, "1795300000-000001", 1)

    def say(text: str) -> None:
        if text.startswith("Writing"):
            shutil.rmtree(prefix)

    with pytest.raises(ImageError, match=f"The build {prefix.name} was removed before it could be read"):
        export(place.builds, "group-a/one", tmp_path / "a", say)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (b"[", "group-a/.qhub-envs.json"),
        (b"[]", "There is no environment group-a/one"),
        (json.dumps([{"name": "one", "prefix": "/etc", "status": "ready"}]).encode(), "group-a"),
    ],
    ids=["damaged", "empty", "leads-elsewhere"],
)
def test_a_manifest_that_says_nothing_usable_is_told(place, tmp_path: Path, manifest: bytes, sentence: str) -> None:
    place.builds.namespace("group-a").mkdir()
    (place.builds.namespace("group-a") / ".qhub-envs.json").write_bytes(manifest)
    with pytest.raises(BuildError, match=sentence):
        export_image(place.builds, ("group-a", "one"), parse_reference(f"oci:{tmp_path}/a"))
    assert subprocess.run(["ls", "-A", tmp_path], capture_output=True, text=True).stdout == ""

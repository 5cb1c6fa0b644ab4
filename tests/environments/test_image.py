"""Environments as images: the same one on every day, whole or not at all, and it runs as anybody."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.cli.environment_image import write_image
from qhub_hub.config.models.environments import Retention
from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.garbage import collect, remove
from qhub_hub.environments.oci import HOME, PREFIX, ImageError, export_image, parse_reference


@dataclass(frozen=True)
class Found:
    """What a reader of the image specification finds in a folder."""

    digest: str
    config: dict[str, Any]
    layers: tuple[str, ...]
    titles: tuple[str, ...]


def blob(folder: Path, digest: str) -> bytes:
    content = (folder / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    return content


def read(folder: Path) -> Found:
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(folder, entry["digest"]))
    config = json.loads(blob(folder, manifest["config"]["digest"]))
    assert all(len(blob(folder, layer["digest"])) == layer["size"] for layer in manifest["layers"])
    steps = [step["created_by"].removeprefix("qhub env image: ") for step in config["history"]]
    assert len(steps) == len(manifest["layers"]) == len(config["rootfs"]["diff_ids"])
    return Found(entry["digest"], config, tuple(layer["digest"] for layer in manifest["layers"]), tuple(steps))


def export(builds: Builds, key: str, folder: Path, say: Callable[[str], None] = lambda text: None) -> Found:
    namespace, _, name = key.partition("/")
    done = export_image(builds, (namespace, name), parse_reference(f"oci:{folder}"), None, say)
    found = read(folder)
    assert done.digest == found.digest
    return found


@pytest.fixture(scope="session")
def folder(kernels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment `global/work` as a folder; written once."""
    path = tmp_path_factory.mktemp("images") / "work"
    export(kernels.builds, "global/work", path)
    return path


def test_another_build_of_the_same_packages_is_the_same_image(place, new_place, tmp_path: Path) -> None:
    place.build("global/one", "tiny=1.0", "big")
    found = export(place.builds, "global/one", tmp_path / "a")
    place.build("global/one", "tiny=1.0", "big")
    assert export(place.builds, "global/one", tmp_path / "b") == found
    elsewhere = new_place()
    elsewhere.build("global/one", "tiny=1.0", "big")
    assert export(elsewhere.builds, "global/one", tmp_path / "c") == found


def test_a_package_that_did_not_change_keeps_its_layer(place, tmp_path: Path) -> None:
    place.build("global/one", "tiny=1.0", "big")
    before = export(place.builds, "global/one", tmp_path / "a")
    place.build("global/one", "tiny=2.0", "big")
    after = export(place.builds, "global/one", tmp_path / "b")
    changed = {title for title, layer in zip(before.titles, before.layers, strict=True) if layer not in after.layers}
    assert changed == {"tiny", "what no package lists"}
    assert "big 1.0" in after.titles


def test_nothing_of_this_machine_is_in_it(folder: Path, kernels) -> None:
    for path in (folder / "blobs/sha256").iterdir():
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            with tarfile.open(path) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isreg() else None
                    assert str(kernels.builds.root).encode() not in (file.read() if file else b""), member.name
        else:
            assert str(kernels.builds.root).encode() not in content


def test_what_runs_is_said_in_the_configuration(folder: Path) -> None:
    config = read(folder).config
    assert (config["os"], config["architecture"]) == ("linux", "amd64" if os.uname().machine == "x86_64" else "arm64")
    settings = config["config"]
    assert {"CONDA_PREFIX=/opt/environment", "CONDA_DEFAULT_ENV=global/work"} < set(settings["Env"])
    assert settings["Cmd"] == ["python"]
    assert settings["Entrypoint"][:2] == ["/bin/sh", "-c"], "its packages want variables to be set"
    assert settings["Labels"]["org.opencontainers.image.title"] == "global/work"


def unpacked(folder: Path, target: Path) -> dict[str, Any]:
    """The image as a file system, as a container engine lays it."""
    found = read(folder)
    target.mkdir()
    for layer in found.layers:
        path = folder / "blobs/sha256" / layer.removeprefix("sha256:")
        subprocess.run(["tar", "--numeric-owner", "-xpzf", path, "-C", target], check=True)
    settings: dict[str, Any] = found.config["config"]
    return settings


PROGRAM = f"""
import ipykernel, json, os, sqlite3, ssl, sys, zmq
open(os.path.expanduser("~/written"), "w").close()
print(json.dumps([sys.prefix, os.getuid(), os.environ["ECHO_DATA"]]))
files = [module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]
print([file for file in files if not file.startswith("{PREFIX}/")])
"""


@pytest.mark.root
def test_it_runs_as_anybody_with_what_its_packages_want_set(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    settings = unpacked(folder, root)
    tmp_path.chmod(0o755)
    variables = dict(text.split("=", 1) for text in settings["Env"])
    command = [*settings["Entrypoint"], "python", "-c", PROGRAM]
    ended = subprocess.run(
        [shutil.which("chroot") or "chroot", "--userspec=12345:0", root, *command],
        env=variables, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout.splitlines()[0]) == [PREFIX, 12345, f"{PREFIX}/share/echo"]
    assert ended.stdout.splitlines()[1] == "[]"
    assert (root / HOME[1:] / "written").exists()


@pytest.mark.root
def test_modules_are_not_compiled_anew(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    settings = unpacked(folder, root)
    variables = dict(text.split("=", 1) for text in settings["Env"])
    command = ["chroot", str(root), f"{PREFIX}/bin/python", "-v", "-c", "import IPython"]
    said = subprocess.run(command, env=variables, capture_output=True, text=True).stderr
    assert said.count("matches") > 100
    assert "bytecode is stale" not in said
    assert "wrote" not in said


SCRIPT = """
import sys
from argparse import Namespace
from pathlib import Path
from qhub_hub.cli.environment_image import write_image
from qhub_hub.environments.builds import Builds
try:
    write_image(Builds(Path(sys.argv[1])), ("global", "work"), Namespace(output=sys.argv[2], base=None))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_export_that_is_ended_leaves_no_image(kernels, tmp_path: Path, number: signal.Signals) -> None:
    # Whoever ran the tests may have had signals ignored, which is inherited.
    command = ["env", "--default-signal", sys.executable, "-c", SCRIPT, str(kernels.builds.root)]
    command.append(f"oci:{tmp_path}/images")
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Writing"):
                break
        process.send_signal(number)
        process.stderr.read()
    assert process.returncode == (130 if number != signal.SIGKILL else -9)
    # The next export removes the draft of one that was killed.
    assert [path.name for path in tmp_path.iterdir()] == ([] if number != signal.SIGKILL else [".images.part"])


@pytest.mark.root
@pytest.mark.parametrize("output", ["oci:{}/image", "docker-archive:{}/image.tar"], ids=["folder", "archive"])
def test_a_full_disk_is_said_and_nothing_is_left_on_it(kernels, tmp_path: Path, output: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(ImageError, match=f"The disk of {tmp_path} is full: no image was written"):
            export_image(kernels.builds, ("global", "work"), parse_reference(output.format(tmp_path)))
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_build_is_kept_while_it_is_exported(place, tmp_path: Path) -> None:
    place.build("global/one", "tiny=1.0")
    seen: list[object] = []

    def say(text: str) -> None:
        if text.startswith("Writing"):
            before = place.builds.current("global", "one")
            place.build("global/one", "tiny=2.0")
            seen.append(collect(place.builds, "global", "one", Retention(keepBuilds=1, grace="0s")))
            with pytest.raises(BuildError, match="is in use"):
                remove(place.builds, "global", "one")
            seen.append((place.builds.folder("global", "one") / before).is_dir())

    export(place.builds, "global/one", tmp_path / "a", say)
    assert seen == [(), True]
    assert collect(place.builds, "global", "one", Retention(keepBuilds=1, grace="0s")) != ()


def test_a_build_that_is_removed_meanwhile_is_said(place, tmp_path: Path) -> None:
    place.build("global/one", "tiny")
    key = place.builds.current("global", "one")

    def say(text: str) -> None:
        if text.startswith("Writing"):
            place.builds.remove_build("global", "one", key)

    with pytest.raises(ImageError, match=f"The build {key} was removed before it could be read"):
        export(place.builds, "global/one", tmp_path / "a", say)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("global/none", "There is no environment global/none"),
        ("global/failed", "global/failed can't be used, so no image can be made of it: nosuchpackage is in none"),
        ("global/..", "is no name of an environment"),
        ("../etc/x", "is no name of"),
    ],
    ids=["unknown", "failed", "dots", "path"],
)
def test_what_can_not_be_exported_is_said_in_a_sentence(place, tmp_path: Path, key: str, sentence: str) -> None:
    if key == "global/failed":
        place.build(key, "nosuchpackage")
    with pytest.raises(BuildError, match=sentence):
        export(place.builds, key, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_base_for_other_processors_is_refused(place, folder: Path, tmp_path: Path) -> None:
    place.build("global/one", "tiny")
    base = tmp_path / "base"
    shutil.copytree(folder, base)
    (entry,) = json.loads((base / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(base, entry["digest"]))
    config = json.loads(blob(base, manifest["config"]["digest"])) | {"architecture": "s390x"}
    for document, owner in ((config, manifest["config"]), (manifest, entry)):
        content = json.dumps(document).encode()
        owner["digest"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (base / "blobs/sha256" / owner["digest"].removeprefix("sha256:")).write_bytes(content)
    (base / "index.json").write_text(json.dumps({"manifests": [entry]}))
    with pytest.raises(ImageError, match="is for linux/s390x, and the environment for linux/"):
        export_image(
            place.builds, ("global", "one"), parse_reference(f"oci:{tmp_path}/a"), parse_reference(f"oci:{base}")
        )


def test_a_base_keeps_its_layers_and_the_environment_comes_on_top(place, folder: Path, tmp_path: Path) -> None:
    place.build("global/one", "tiny")
    output, base = parse_reference(f"oci:{tmp_path}/a"), parse_reference(f"oci:{folder}")
    export_image(place.builds, ("global", "one"), output, base)
    below, found = read(folder), read(tmp_path / "a")
    assert found.layers[: len(below.layers)] == below.layers
    assert found.titles[len(below.layers) :][0] == "tiny"
    assert found.config["config"]["Labels"]["org.opencontainers.image.base.digest"] == below.digest


def test_the_command_prints_the_digest_and_says_whether_a_server_starts_from_it(
    place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.build("global/one", "tiny")
    arguments = Namespace(output=f"docker-archive:{tmp_path}/a.tar:team/one:1", base=None)
    assert write_image(place.builds, ("global", "one"), arguments) == 0
    out, err = capsys.readouterr()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert out.strip() == json.load(tar.extractfile("index.json"))["manifests"][0]["digest"]  # type: ignore[arg-type]
    assert "Without --base the image gets" in err
    assert "team/one:1" in err
    assert "It holds no server" in err


def test_time_does_not_matter(place, tmp_path: Path) -> None:
    place.build("global/one", "tiny")
    found = export(place.builds, "global/one", tmp_path / "a")
    later = (datetime.now(UTC) + timedelta(days=400)).timestamp()
    for path in place.prefix("global/one").rglob("*"):
        os.utime(path, (later, later), follow_symlinks=False)
    assert export(place.builds, "global/one", tmp_path / "b") == found

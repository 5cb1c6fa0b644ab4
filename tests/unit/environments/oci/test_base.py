"""The image below: taken as it is, whichever way it was saved, and refused where it is not what it says."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from qhub_hub.environments.oci import ImageError, parse_reference
from qhub_hub.environments.oci.base import Base, read_base
from qhub_hub.environments.oci.documents import About, Running, config_of

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Env": ["PATH=/opt/lab/bin:/bin", "LANG=de_DE.UTF-8", "TZ=UTC"],
        "Entrypoint": ["tini"],
        "User": "root",
        "Labels": {"org.opencontainers.image.title": "lab", "team": "ours"},
        "ExposedPorts": {"80/tcp": {}},
    },
}


def packed(text: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(text))
    return file.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Saved:
    """An image in both forms."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layers = [packed("one"), packed("two")]
        self.config = CONFIG | {"rootfs": {"type": "layers", "diff_ids": [digest(one) for one in self.layers]}}
        (folder / "oci/blobs/sha256").mkdir(parents=True)

    def put(self, content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        (self.folder / "oci/blobs/sha256" / digest(content)[7:]).write_bytes(content)
        return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}

    def manifest(self, media_type: str = f"{LAYER}+gzip", **more: Any) -> dict[str, Any]:
        layers = [self.put(gzip.compress(one, mtime=0), media_type) for one in self.layers]
        config = self.put(json.dumps(self.config).encode(), "application/vnd.oci.image.config.v1+json")
        document = {"schemaVersion": 2, "config": config, "layers": layers}
        return self.put(json.dumps(document).encode(), "application/vnd.oci.image.manifest.v1+json", **more)

    def oci(self, *entries: dict[str, Any], tag: str = "") -> Base:
        (self.folder / "oci/index.json").write_text(json.dumps({"manifests": entries}))
        return read_base(parse_reference(f"oci:{self.folder}/oci{tag}"), "amd64")

    def archive(self, name: str = "", tags: list[str] | None = None) -> Base:
        parts = {f"{number}/layer.tar": one for number, one in enumerate(self.layers)}
        listed = [{"Config": "c.json", "RepoTags": tags, "Layers": list(parts)}]
        parts |= {"c.json": json.dumps(self.config).encode(), "manifest.json": json.dumps(listed).encode()}
        with tarfile.open(self.folder / "base.tar", "w") as tar:
            for path, content in parts.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return read_base(parse_reference(f"docker-archive:{self.folder}/base.tar{name}"), "amd64")

    def written(self, base: Base) -> list[bytes]:
        out = self.folder / "out"
        out.mkdir()
        blobs = [layer(out, lambda: None) for layer in base.layers]
        return [gzip.decompress((out / blob.digest[7:]).read_bytes()) for blob in blobs]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return Saved(tmp_path)


def tagged(tag: str) -> dict[str, str]:
    return {"org.opencontainers.image.ref.name": tag}


def test_a_folder_and_an_archive_give_the_same_layers(saved: Saved) -> None:
    assert saved.written(saved.oci(saved.manifest())) == saved.layers
    (saved.folder / "out").rename(saved.folder / "before")
    assert saved.written(saved.archive()) == saved.layers


def test_of_several_images_the_tag_says_which(saved: Saved) -> None:
    one, two = saved.manifest(annotations=tagged("one")), saved.manifest(annotations=tagged("docker.io/two:2"))
    assert saved.oci(one, two, tag=":docker.io/two:2").digest == two["digest"]
    for tag in ("", ":three"):
        with pytest.raises(ImageError, match=r"one is needed\. In that folder are: docker\.io/two:2, one\."):
            saved.oci(one, two, tag=tag)


def test_of_several_platforms_that_of_the_environment_is_taken(saved: Saved) -> None:
    entries = [
        saved.manifest(platform={"architecture": "arm64"}),
        saved.manifest(platform={"architecture": "amd64"}),
    ]
    media_type = "application/vnd.oci.image.index.v1+json"
    index = saved.put(json.dumps({"manifests": entries}).encode(), media_type)
    assert saved.oci(index).architecture == "amd64"
    with pytest.raises(ImageError, match=r"is for arm64, amd64, and the environment for s390x\."):
        read_base(parse_reference(f"oci:{saved.folder}/oci"), "s390x")


@pytest.mark.parametrize("name", ["", ":team/work:1", ":localhost/team/work:1"], ids=["none", "short", "whole"])
def test_an_archive_is_found_by_its_name(saved: Saved, name: str) -> None:
    assert len(saved.archive(name, ["localhost/team/work:1"]).layers) == 2


def test_an_archive_of_another_name_is_refused(saved: Saved) -> None:
    with pytest.raises(ImageError, match="In that file are: team/work:1"):
        saved.archive(":team/work", ["team/work:1"])


@pytest.mark.parametrize("form", ["oci", "archive"])
def test_a_layer_that_holds_something_else_is_refused(saved: Saved, form: str) -> None:
    if form == "oci":
        base = saved.oci(saved.manifest())
        for path in (saved.folder / "oci/blobs/sha256").iterdir():
            path.write_bytes(b"x" + path.read_bytes())
    else:
        saved.config["rootfs"]["diff_ids"].reverse()  # type: ignore[index, call-overload]
        base = saved.archive()
    with pytest.raises(ImageError, match="holds something else"):
        saved.written(base)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"manifests": 1}', '{"manifests": [{"digest": "sha256:../../etc/passwd"}]}']
)
def test_what_is_no_image_is_said_in_a_sentence(saved: Saved, content: str) -> None:
    (saved.folder / "oci/index.json").write_text(content)
    with pytest.raises(ImageError, match="damaged, or no image"):
        read_base(parse_reference(f"oci:{saved.folder}/oci"), "amd64")


def test_what_is_not_there_is_named(saved: Saved) -> None:
    with pytest.raises(ImageError, match=r"index\.json is not there"):
        read_base(parse_reference(f"oci:{saved.folder}/none"), "amd64")
    (saved.folder / "text").write_text("no archive")
    with pytest.raises(ImageError, match="damaged, or no image"):
        read_base(parse_reference(f"docker-archive:{saved.folder}/text"), "amd64")


def test_a_kind_of_layer_that_can_not_be_copied_is_named(saved: Saved) -> None:
    with pytest.raises(ImageError, match="has a layer that can't be copied"):
        saved.oci(saved.manifest("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))


def test_of_the_base_stays_what_is_still_true(saved: Saved) -> None:
    base = saved.oci(saved.manifest())
    out = saved.folder / "out"
    out.mkdir()
    layers = [layer(out, lambda: None) for layer in base.layers]
    running = Running(
        {"PATH": "/opt/environment/bin", "HOME": "/home/anyone"}, (), ("python",), "/home/anyone", (8888,)
    )
    about = About("amd64", "2026-01-01T00:00:00Z", {"org.opencontainers.image.title": "global/work"})
    document = json.loads(config_of(about, running, base, layers))
    assert document["config"] == {
        "Env": ["HOME=/home/anyone", "LANG=de_DE.UTF-8", "PATH=/opt/environment/bin:/opt/lab/bin:/bin", "TZ=UTC"],
        "Labels": {"org.opencontainers.image.title": "global/work", "team": "ours"},
        "ExposedPorts": {"80/tcp": {}, "8888/tcp": {}},
        "WorkingDir": "/home/anyone",
        "User": "1000:1000",
        "Cmd": ["python"],
    }
    assert document["rootfs"]["diff_ids"] == [digest(one) for one in saved.layers]
    assert len(document["history"]) == len(layers)

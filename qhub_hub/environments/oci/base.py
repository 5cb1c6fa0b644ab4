"""The image that an environment is put on: read from a folder or an archive, and trusted with nothing."""

import gzip
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from qhub_hub.environments.oci.reference import OCI, ImageError, Reference
from qhub_hub.environments.oci.tar import Blob, Hashing, Readable, Work, Writable, packed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 4 * 2**20  # bytes of a document; runtimes take no larger ones
_AT_ONCE = 2**20  # bytes
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_LAYERS = {
    "application/vnd.oci.image.layer.v1.tar": "",
    "application/vnd.oci.image.layer.v1.tar+gzip": "+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "+zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "+gzip",
}


@dataclass(frozen=True, slots=True)
class Base:
    """What lies below an environment.

    Args:
        name: for people.
        config: the image's configuration, as the image specification has it.
        layers: each writes itself into a folder of blobs; `writing.Work`.
        digest: of its manifest; empty: an archive has none.
    """

    name: str
    config: dict[str, Any]
    layers: tuple[Work, ...]
    digest: str = field(default="")

    @property
    def architecture(self) -> str:
        """As the image specification calls it: `amd64`, `arm64` …"""
        return str(self.config.get("architecture", ""))


def read_base(place: Reference, architecture: str) -> Base:
    """The image at a place.

    Args:
        architecture: which one, where there are several.

    Raises:
        ImageError: there is none, several, or it is damaged.
    """
    try:
        return (_folder if place.kind == OCI else _archive)(place, architecture)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ImageError(f"{place} is damaged, or no image: what it says of itself can't be understood.") from error
    except tarfile.TarError as error:
        raise ImageError(f"{place} is damaged, or no image: it can't be unpacked.") from error
    except FileNotFoundError as error:
        raise ImageError(f"{place} is no image, or an incomplete one: {error.filename} is not there.") from error


def _folder(place: Reference, architecture: str) -> Base:
    index = _document(place.path / "index.json")
    found = [one for one in index["manifests"] if place.tag in ("", _tag(one))]
    if len(found) != 1:
        tags = ", ".join(sorted(filter(None, map(_tag, index["manifests"])))) or "none with a tag"
        raise ImageError(f"{place} names {len(found)} images, and one is needed. In that folder are: {tags:.500}.")
    chosen = found[0]
    if chosen.get("mediaType") in _INDEXES:
        chosen = _of(architecture, _blob(place, chosen)["manifests"], place)
    manifest = _blob(place, chosen)
    return Base(
        f"{place}",
        _blob(place, manifest["config"]),
        tuple(_copied(place, *pair) for pair in _pairs(place, manifest)),
        chosen["digest"],
    )


def _pairs(place: Reference, manifest: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    ids = _blob(place, manifest["config"])["rootfs"]["diff_ids"]
    if len(ids) != len(manifest["layers"]):
        raise ValueError
    return list(zip(manifest["layers"], map(_checked, ids), strict=True))


def _tag(descriptor: dict[str, Any]) -> str:
    return str((descriptor.get("annotations") or {}).get("org.opencontainers.image.ref.name", ""))


def _of(architecture: str, manifests: list[dict[str, Any]], place: Reference) -> dict[str, Any]:
    platforms = [str((one.get("platform") or {}).get("architecture")) for one in manifests]
    if architecture not in platforms:
        raise ImageError(f"{place} is for {', '.join(platforms):.200}, and the environment for {architecture}.")
    return manifests[platforms.index(architecture)]


def _checked(digest: Any) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError
    return str(digest)


def _path(place: Reference, digest: str) -> Path:
    return place.path / "blobs" / "sha256" / _checked(digest).removeprefix("sha256:")


def _blob(place: Reference, descriptor: dict[str, Any]) -> dict[str, Any]:
    return _document(_path(place, descriptor["digest"]))


def _document(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return _parsed(file)


def _parsed(file: Readable) -> dict[str, Any]:
    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError
    found: dict[str, Any] = json.loads(content)
    return found


def _copied(place: Reference, layer: dict[str, Any], diff_id: str) -> Work:
    digest, kind = _checked(layer["digest"]), _LAYERS.get(layer["mediaType"])
    if kind is None:
        raise ImageError(f"{place} has a layer that can't be copied: {layer['mediaType']!r:.100}.")

    def copy(folder: Path, go_on: Callable[[], None]) -> Blob:
        draft = folder / f"{digest.removeprefix('sha256:')}.base"
        with _path(place, digest).open("rb") as source, draft.open("wb") as target:
            hashing = Hashing(target, go_on)
            _pour(source, hashing)
        if hashing.digest != digest:
            raise ImageError(f"{place} is damaged: its layer {digest} holds something else.")
        draft.rename(draft.with_suffix(""))
        return Blob(digest, hashing.size, diff_id, f"application/vnd.oci.image.layer.v1.tar{kind}")

    return copy


def _archive(place: Reference, architecture: str) -> Base:
    with tarfile.open(place.path, "r:") as tar:
        images: Any = _parsed(_member(tar, "manifest.json"))
        wanted = f"{place.repository}:{place.tag or 'latest'}" if place.repository else ""
        found = [one for one in images if not wanted or _same(wanted, _names(one))]
        if len(found) != 1:
            names = ", ".join(sorted(name for one in images for name in _names(one))) or "none with a name"
            raise ImageError(f"{place} names {len(found)} images, and one is needed. In that file are: {names:.500}.")
        config = _parsed(_member(tar, found[0]["Config"]))
        ids = [_checked(one) for one in config["rootfs"]["diff_ids"]]
        layers = zip(found[0]["Layers"], ids, strict=True)
        return Base(f"{place}", config, tuple(_unpacked(place, str(name), one) for name, one in layers))


def _names(image: dict[str, Any]) -> list[str]:
    return image.get("RepoTags") or []


def _same(wanted: str, names: list[str]) -> bool:
    # Docker and Podman write the registry that they think of where people name none.
    return any(name == wanted or name.endswith(f"/{wanted}") for name in names)


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError
    return file


def _unpacked(place: Reference, name: str, diff_id: str) -> Work:
    def pack(folder: Path, go_on: Callable[[], None]) -> Blob:
        with _plain(place, name) as source:
            blob = packed(folder, "", lambda target: _pour(source, target), go_on)
        if blob.diff_id != diff_id:
            raise ImageError(f"{place} is damaged: its layer {diff_id} holds something else.")
        return blob

    return pack


@contextmanager
def _plain(place: Reference, name: str) -> Iterator[Readable]:
    with tarfile.open(place.path, "r:") as tar, _member(tar, name) as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if compressed:
            with gzip.GzipFile(fileobj=file) as inner:
                yield inner
        else:
            yield file


def _pour(source: Readable, target: Writable) -> None:
    while some := source.read(_AT_ONCE):
        target.write(some)

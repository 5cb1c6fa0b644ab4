"""Where an image is written: aside first, and to its place in one step, so that nobody ever finds half of one."""

import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhub_hub.environments.manifest import write_whole
from qhub_hub.environments.oci.documents import MANIFEST, descriptor, digest_of, index_of
from qhub_hub.environments.oci.reference import ARCHIVE, OCI, ImageError, Reference
from qhub_hub.environments.oci.tar import Blob

_LAYOUT, _VERSION = "oci-layout", '{"imageLayoutVersion":"1.0.0"}'
_LARGEST = 4 * 2**20  # bytes of an index


@dataclass(frozen=True, slots=True)
class Documents:
    """What an image is made of beside its layers.

    Args:
        name: what `docker load` calls the image, with its tag.
        tag: which image of a folder.
    """

    config: bytes
    manifest: bytes
    layers: tuple[Blob, ...]
    name: str
    tag: str


def check_free(place: Reference) -> None:
    """That an image may be written there.

    Raises:
        ImageError: something else is there, or its folder is not.
    """
    path = place.path
    if not path.parent.is_dir():
        raise ImageError(f"There is no folder {path.parent} in which {path.name} could be written; make it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ImageError(f"You may not write into {path.parent}; choose another folder for the image.")
    if not os.path.lexists(path):
        return
    fits = _is_layout(path) if place.kind == OCI else _is_archive(path)
    if not fits:
        what = "a folder of images" if place.kind == OCI else "an image that QHub wrote"
        raise ImageError(f"{path} exists and is not {what}. Choose another name, or remove it first.")


def _is_layout(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    return not any(path.iterdir()) or ((path / _LAYOUT).is_file() and (path / "blobs").is_dir())


def _is_archive(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
    except (tarfile.TarError, OSError):
        return False
    return first is not None and first.name == _LAYOUT


@contextmanager
def aside(place: Reference) -> Iterator[Path]:
    """An empty folder beside the place, for blobs; it goes when this ends, however. One program at a time has it.

    Raises:
        ImageError: another program writes there now.
        OSError: it can't be made.
    """
    draft = place.path.with_name(f".{place.path.name}.part")
    draft.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImageError(
                f"Another program is writing {place.path} now; wait for it, or choose another name."
            ) from None
        if os.fstat(handle).st_uid != os.geteuid():
            raise ImageError(f"{draft} belongs to somebody else; remove it, or choose another folder for the image.")
        _emptied(draft)  # of what a killed program left
        try:
            (draft / "blobs" / "sha256").mkdir(parents=True)
            yield draft / "blobs" / "sha256"
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(handle)


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def put(place: Reference, blobs: Path, image: Documents) -> str:
    """Bring an image, whose layers lie aside, to its place; returns the digest of its manifest.

    Raises:
        OSError: nothing is there that was not before.
    """
    for document in (image.config, image.manifest):
        (blobs / digest_of(document).removeprefix("sha256:")).write_bytes(document)
    draft = blobs.parents[1]
    (draft / _LAYOUT).write_text(_VERSION)
    entry = descriptor(image.manifest, MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": image.tag}
    if place.kind == ARCHIVE:
        entry["annotations"]["io.containerd.image.name"] = image.name
        _put_archive(place.path, draft, index_of([entry]), image)
    elif place.path.is_dir() and any(place.path.iterdir()):
        _put_into(place.path, draft, entry)
    else:
        (draft / "index.json").write_bytes(index_of([entry]))
        whole = draft / "image"
        whole.mkdir(mode=0o755)
        for name in ("blobs", _LAYOUT, "index.json"):
            (draft / name).rename(whole / name)
        whole.rename(place.path)
    return str(entry["digest"])


def _put_into(folder: Path, draft: Path, entry: dict[str, Any]) -> None:
    """Add an image to a folder of them; the index is last, so before that nobody misses what is not there."""
    tag = entry["annotations"]["org.opencontainers.image.ref.name"]
    try:
        with (folder / "index.json").open("rb") as file:
            others = [one for one in json.loads(file.read(_LARGEST))["manifests"] if _name(one) != tag]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ImageError(f"{folder} is a damaged folder of images: its index.json can't be understood.") from error
    target = folder / "blobs" / "sha256"
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((draft / "blobs" / "sha256").iterdir()):
        path.replace(target / path.name)
    write_whole(folder / "index.json", index_of([*others, entry]).decode(), 0o644)


def _name(entry: dict[str, Any]) -> str:
    return str((entry.get("annotations") or {}).get("org.opencontainers.image.ref.name", ""))


def _put_archive(path: Path, draft: Path, index: bytes, image: Documents) -> None:
    """One file that is both: what `docker save` writes, and a folder of images packed."""
    config = _blob(digest_of(image.config))
    listed = [{"Config": config, "RepoTags": [image.name], "Layers": [_blob(layer.digest) for layer in image.layers]}]
    (draft / "index.json").write_bytes(index)
    (draft / "manifest.json").write_text(json.dumps(listed, sort_keys=True))
    whole = draft / "image"
    blobs = sorted(f"blobs/sha256/{one.name}" for one in (draft / "blobs" / "sha256").iterdir())
    with whole.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in (_LAYOUT, "index.json", "manifest.json", *blobs):
                header = tarfile.TarInfo(name)
                header.size, header.mode = (draft / name).stat().st_size, 0o644
                with (draft / name).open("rb") as content:
                    tar.addfile(header, content)
                (draft / name).unlink()  # a disk needs room for one of them only
        file.flush()
        os.fsync(file.fileno())
    whole.rename(path)


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"

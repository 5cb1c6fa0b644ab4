"""Where an image is or shall be, as people write it: `oci:DIR[:TAG]` or `docker-archive:FILE[:REPOSITORY[:TAG]]`."""

import re
from dataclasses import dataclass
from pathlib import Path

from qhub_hub.environments.builds import BuildError

OCI, ARCHIVE = "oci", "docker-archive"
LATEST = "latest"
_LONGEST = 255  # characters of a name

# The grammar of `org.opencontainers.image.ref.name`: https://github.com/opencontainers/image-spec, annotations.md.
_NAME = re.compile(r"[A-Za-z0-9]+([-._:@+/]+[A-Za-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# A registry's host with its port may begin it: https://github.com/distribution/reference, grammar of `name`.
_REPOSITORY = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)


class ImageError(BuildError):
    """An image that was not written. `str()` is a sentence for whoever asked; nothing of the image was left."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place for one image.

    Args:
        kind: `oci`, a folder in the layout of the OCI image specification; or `docker-archive`, one file.
        path: of the folder or file.
        repository: what `docker load` will call the image; empty: not stated.
        tag: which image of the folder; or `docker load`'s tag; empty: not stated.
    """

    kind: str
    path: Path
    repository: str = ""
    tag: str = ""

    def __str__(self) -> str:
        parts = (self.kind, str(self.path), self.repository, self.tag)
        return ":".join(part for part in parts if part)


def parse_reference(text: str) -> Reference:
    """A place from its text.

    Raises:
        ImageError: it is none.
    """
    kind, _, rest = text.partition(":")
    path, _, name = rest.partition(":")
    if kind not in (OCI, ARCHIVE) or not path or "\0" in path:
        raise ImageError(
            f"{text!r:.200} is no place for an image. Allowed are oci:DIR[:TAG] and "
            "docker-archive:FILE[:REPOSITORY[:TAG]], where DIR and FILE hold no colon."
        )
    if kind == OCI:
        if name and not (len(name) <= _LONGEST and _NAME.fullmatch(name)):
            raise ImageError(
                f"{name!r:.200} is no name of an image in a folder; write a tag, as in oci:images:2026.11."
            )
        return Reference(kind, Path(path).absolute(), tag=name)
    repository, _, tag = name.rpartition(":")
    if "/" in tag or not repository:  # no tag: that colon belonged to a port, or there was none
        repository, tag = name, ""
    if repository and not _REPOSITORY.fullmatch(repository):
        raise ImageError(
            f"{repository!r:.200} is no name of a repository: small letters and digits, parted by . _ - and /, as in "
            "team/analysis or registry.example.org:5000/team/analysis."
        )
    if tag and not _TAG.fullmatch(tag):
        raise ImageError(f"{tag!r:.200} is no tag: up to 128 letters, digits, and (not at the start) . and -.")
    return Reference(kind, Path(path).absolute(), repository, tag)

"""The passwd and group files that a server on one machine resolves names with."""

import os
import tempfile
from pathlib import Path


def write_names(folder: Path, gid: int, passwd: str, group: str) -> None:
    """Replace a person's two files, so that a running server sees the old ones or the new ones, never half of one.

    Args:
        folder: of this person, in a folder that only the hub writes to; made when missing, readable by them only.
        gid: their private group.

    Raises:
        OSError: the disk is full, for example; the old files are still there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(folder, 0, gid)
    folder.chmod(0o750)
    for name, text in (("passwd", passwd), ("group", group)):
        _replace(folder, name, text)


def _replace(folder: Path, name: str, text: str) -> None:
    # nss_wrapper compares modification times by the second, but notices a file that was replaced
    # (facts/identity-storage.md §2): always rename, never write in place.
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, 0o644)
        os.replace(draft, folder / name)
    except OSError:
        os.unlink(draft)
        raise

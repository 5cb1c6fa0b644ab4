"""The passwd and group files that a server on one machine resolves names with."""

import os
import tempfile
from pathlib import Path


def write_names(folder: Path, gid: int | None, passwd: str, group: str) -> None:
    """Replace a person's two files, so that a running server sees the old ones or the new ones, never half of one.

    Args:
        folder: of this person; made when missing, readable by them only.
        gid: their private group; None: everything belongs to whoever runs the hub.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    if gid is not None:
        os.chown(folder, 0, gid)
    for name, text in (("passwd", passwd), ("group", group)):
        # nss_wrapper compares modification times by the second, but notices a file that was replaced
        # (facts/identity-storage.md §2): always rename, never write in place.
        handle, path = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, 0o644)
        os.replace(path, folder / name)

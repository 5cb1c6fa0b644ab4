"""Logs and lock files of builds: on disk, and handed out by addresses that are signed and soon over.

conda-store's own `LocalStorage` serves its folder to everybody who knows, or guesses, a name
(facts/conda-store.md §1.3 f).
"""

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

from conda_store_server.storage import Storage

from qhub_hub.conda_store.settings import settings_here

ARTIFACTS = "/artifacts/"
_LASTS = 60  # seconds


class SignedStorage(Storage):  # type: ignore[misc]  # conda-store is not typed
    """Keeps artifacts as files; `get_url` is asked for those only who may see them."""

    def fset(self, db: Any, build_id: int, key: str, filename: str, content_type: Any = None, **more: Any) -> None:
        """Keep a file."""
        self.set(db, build_id, key, Path(filename).read_bytes(), content_type, **more)

    def set(self, db: Any, build_id: int, key: str, value: bytes, content_type: Any = None, **more: Any) -> None:
        """Keep some content."""
        path = _file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value)
        super().set(db, build_id, key, value, **more)

    def get(self, key: str) -> bytes:
        """The content. Raises `OSError`."""
        return _file(key).read_bytes()

    def get_url(self, key: str) -> str:
        """Where a browser gets it, for a minute."""
        text = f"{int(time.time()) + _LASTS}:{key}".encode()
        return settings_here().prefix + ARTIFACTS + urlsafe_b64encode(_signature(text) + text).decode()

    def delete(self, db: Any, build_id: int, key: str) -> None:
        """Forget it."""
        _file(key).unlink(missing_ok=True)
        super().delete(db, build_id, key)


def signed_file(address: str) -> Path | None:
    """The file that an address from `get_url` leads to; None: it is none, or was one.

    Args:
        address: what comes after `ARTIFACTS`.
    """
    try:
        content = urlsafe_b64decode(address.encode())
    except ValueError:
        return None
    signature, text = content[:32], content[32:]
    if not hmac.compare_digest(signature, _signature(text)):
        return None
    until, _, key = text.decode().partition(":")
    path = _file(key)
    return path if int(until) >= time.time() and path.is_file() else None


def _signature(text: bytes) -> bytes:
    return hmac.digest(settings_here().signing.encode(), b"artifact\0" + text, hashlib.sha256)


def _file(key: str) -> Path:
    folder = Path(settings_here().data, "artifacts")
    path = (folder / key).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{key!r} leads out of the folder of artifacts")
    return path

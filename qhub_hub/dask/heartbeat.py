"""What a scheduler says of itself, checked: it is a process of the user's, who can make it say anything."""

from typing import Any
from urllib.parse import urlparse

from dask_gateway_server.backends.base import PublicException

_ADDRESSES = {"scheduler_address": ("tls",), "dashboard_address": ("http", ""), "api_address": ("http",)}
_WORKERS = ("active_workers", "closing_workers", "closed_workers")
_MOST = 100_000  # items of one list
_LONGEST = 300  # characters of one text


def checked_heartbeat(message: object) -> dict[str, Any]:
    """The parts of a heartbeat that the gateway reads, each of the right kind; unknown ones are left out.

    Raises:
        PublicException: one is missing or of another kind.
    """
    if not isinstance(message, dict):
        raise PublicException("A heartbeat must be a JSON object.")
    count = message.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise PublicException("The count of a heartbeat must be a whole number, 0 or more.")
    found: dict[str, Any] = {"count": count}
    for name in _WORKERS:
        workers = message.get(name)
        if not isinstance(workers, list) or len(workers) > _MOST or not all(map(_is_text, workers)):
            raise PublicException(f"The {name} of a heartbeat must be a list of names.")
        found[name] = workers
    for name, schemes in _ADDRESSES.items():
        address = message.get(name)
        if not _is_text(address) or not _is_address(str(address), schemes):
            raise PublicException(f"The {name} of a heartbeat must be an address with a port.")
        found[name] = address
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_address(address: str, schemes: tuple[str, ...]) -> bool:
    if not address:
        return "" in schemes
    try:
        parts = urlparse(address)
        # Nobody's programs but the system's listen below 1024: no cluster can lead the gateway to them.
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port or 0) >= 1024
    except ValueError:
        return False

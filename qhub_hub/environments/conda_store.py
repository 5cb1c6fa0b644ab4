"""What the hub and conda-store must know alike: where conda-store answers, and the secrets between them."""

import hashlib
import hmac

SERVICE = "/services/conda-store"
"""Below it conda-store answers, after the path below which people see the hub."""


def derived(key: bytes, use: str) -> str:
    """A secret from the one key of conda-store's place. Nobody gets from one to another.

    Args:
        use: tells it from others.
    """
    return hmac.digest(key, f"qhub conda-store {use}".encode(), hashlib.sha256).hex()

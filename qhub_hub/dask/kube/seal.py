"""The credentials of a cluster, sealed in its own object: the gateway's API needs no right to read any Secret.

Upstream's API reads the Secret that the controller made, and Kubernetes can't limit that right to Secrets of such
names: it would read the hub's keys, too. Here the API makes the credentials and seals them for itself and for the
controller, which makes the pods' Secret of them.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

SEALED = "sealed"
"""Key of a cluster's object, below `spec`: its credentials."""

REASON = "reason"
"""Key of a cluster's object, below `status`: why it ended, as a sentence for its owner."""


class BrokenSeal(Exception):
    """Sealed credentials that can't be used. `str()` is a sentence for administrators."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the processes of a cluster, its owner and the gateway trust each other.

    Args:
        certificate, key: PEM; for TLS between all of them.
        token: what the scheduler shows to the gateway, and the gateway to the scheduler.
    """

    certificate: str
    key: str
    token: str

    def as_secret_data(self) -> dict[str, str]:
        """By the keys of the Secret that pods mount, in base64."""
        named = {"dask.crt": self.certificate, "dask.pem": self.key, "api-token": self.token}
        return {name: b64encode(text.encode()).decode() for name, text in named.items()}


class Seal:
    """Closes and opens credentials.

    Args:
        key: a text that only the gateway's API and the controller know.
    """

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(urlsafe_b64encode(sha256(b"qhub dask credentials " + key.encode()).digest()))

    def close(self, credentials: Credentials, cluster: str) -> str:
        """Seal the credentials of a cluster; they open for this cluster only."""
        content = {**asdict(credentials), "cluster": cluster}
        return self._fernet.encrypt(json.dumps(content).encode()).decode()

    def open(self, sealed: object, cluster: str) -> Credentials:
        """The credentials of a cluster.

        Raises:
            BrokenSeal: they were sealed with another key, for another cluster, or not at all.
        """
        try:
            content = json.loads(self._fernet.decrypt(str(sealed)))
        except (InvalidToken, ValueError):
            content = {}
        if content.pop("cluster", None) != cluster:
            raise BrokenSeal(
                f"The credentials of the Dask cluster {cluster} can't be read: they were sealed with another key "
                "(qhub.daskKey of the hub's Secret), or changed since. Its owner has to start another cluster."
            )
        return Credentials(**content)

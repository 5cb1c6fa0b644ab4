"""conda-store's programs in containers of the chart: `python -m qhub_hub.conda_store.container server|worker`."""

import hashlib
import hmac
import logging
import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

from qhub_hub.conda_store.folder import SERVER, WORKER, Folder, Programs
from qhub_hub.conda_store.keeper import prepare
from qhub_hub.conda_store.settings import Settings
from qhub_hub.environments.access import wait_until_owned

PORT = 8103
"""Of its server."""

HOME = Path("/tmp")  # noqa: S108 - a volume of the container's own, as the rest is read-only
VALUES = Path("/var/lib/qhub-conda-store/values.json")
"""What conda-store is to know of the values: a volume that QHub's own container writes, and the others read."""

KEYS = Path("/etc/qhub-conda-store")
DATA = ".conda-store"
"""Folder of conda-store's own, beside those of the namespaces, which are all that people's pods mount."""

_ASK_EVERY = 0.5  # seconds, until the server answers
_log = logging.getLogger("QHub.conda-store")


def base_path() -> str:
    """Path below which people see the hub, without a slash at its end."""
    return os.environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/")


def derived(key: str, use: str) -> str:
    """A secret from the chart's one key for conda-store. Nobody gets from one to another.

    Args:
        use: tells it from others.
    """
    return hmac.digest(key.encode(), f"qhub conda-store {use}".encode(), hashlib.sha256).hex()


def _settings(store: Path, conda: str, key: str, token: str) -> Settings:
    return Settings(
        address="",  # every one, of whichever family the cluster has
        port=PORT,
        base=base_path(),
        hub_api=os.environ.get("QHUB_HUB_API_URL", ""),
        token=token,
        signing=derived(key, "signing") if key else "",
        reconciler=derived(key, "reconciler") if key else "",
        store=str(store),
        data=str(store / DATA),
        values=str(VALUES),
        python=sys.executable,
        conda=conda,
    )


def _key(name: str) -> str:
    try:
        if found := (KEYS / name).read_text(encoding="utf-8").strip():
            return found
    except OSError:
        pass
    raise SystemExit(
        f"The key {KEYS / name} is missing or empty. It comes from the hub's Secret, or from the Secret that values "
        "name as jupyterhub.hub.existingSecret: docs/guides/kubernetes.md lists its keys."
    )


def _wait_for(port: int, path: str) -> None:
    """Until the server answers: it makes the database, and the worker counts on that."""
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(_ASK_EVERY)
        else:
            return
        finally:
            connection.close()


def main() -> NoReturn:
    """Become the program that is named on the command line."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="[%(levelname).1s %(asctime)s] %(message)s")
    serves = sys.argv[1:] == ["server"]
    store = Path(os.environ["QHUB_ENVIRONMENTS_FOLDER"])
    prepare(0 if serves else 10, HOME)
    wait_until_owned(store, _log)
    (store / DATA).mkdir(mode=0o700, exist_ok=True)
    while not VALUES.exists():  # QHub's container has just been started, too
        time.sleep(_ASK_EVERY)
    folder = Folder(HOME / "conda-store", Programs(str(Path(sys.executable).parent), has_conda=False))
    folder.path.mkdir(exist_ok=True)
    # Programs of packages run where the worker does: it gets no secret.
    key, token = (_key("key"), _key("hub-token")) if serves else ("", "")
    settings = _settings(store, folder.programs.conda, key, token)
    folder.fill(settings)
    if not serves:
        _wait_for(PORT, f"{settings.prefix}/favicon.ico")
    program = folder.programs.command(SERVER if serves else WORKER)
    variables = folder.variables(HOME, store / ".cache" / "conda")
    os.execve(program, [program, "--config", str(folder.config)], variables)  # noqa: S606 - of the image


if __name__ == "__main__":
    main()

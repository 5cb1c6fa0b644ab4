"""conda-store's programs in containers of the chart: `python -m qhub_hub.conda_store.container server|worker`."""

import logging
import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

from qhub_hub.conda_store.folder import SERVER, WORKER, Folder, Programs, forget_drafts
from qhub_hub.conda_store.keeper import prepare
from qhub_hub.conda_store.settings import Settings
from qhub_hub.environments.access import wait_until_owned
from qhub_hub.environments.conda_store import derived

PORT = 8103
"""Of its server."""

HOME = Path("/tmp")  # noqa: S108 - a volume of the container's own, as the rest is read-only
VALUES = Path("/var/lib/qhub-conda-store/values.json")
"""What conda-store is to know of the values: a volume that QHub's own container writes, and the others read."""

KEYS = Path("/etc/qhub-conda-store")
_OF_SECRET = {"key": "qhub.condaStoreKey", "hub-token": "hub.services.conda-store.apiToken"}
DATA = ".conda-store"
"""Folder of conda-store's own, beside those of the namespaces, which are all that people's pods mount."""

_ASK_EVERY = 0.5  # seconds, until the server answers
_log = logging.getLogger("QHub.conda-store")


class MissingKey(Exception):
    """A key is not there. `str()` says which, and where it comes from."""


def key_here(name: str) -> str:
    """A key that the chart gives to this container.

    Args:
        name: `key` or `hub-token`.

    Raises:
        MissingKey: it did not.
    """
    path = KEYS / name
    try:
        if found := path.read_text(encoding="utf-8").strip():
            return found
    except OSError:
        pass
    raise MissingKey(
        f"The key {path} is missing or empty. It is {_OF_SECRET[name]} of the hub's Secret, or of that which values "
        "name as jupyterhub.hub.existingSecret: docs/guides/kubernetes.md lists its keys."
    )


def base_path() -> str:
    """Path below which people see the hub, without a slash at its end."""
    return os.environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/")


def _settings(store: Path, conda: str, key: str, token: str) -> Settings:
    return Settings(
        address="",  # every one, of whichever family the cluster has
        port=PORT,
        base=base_path(),
        hub_api=os.environ.get("QHUB_HUB_API_URL", ""),
        token=token,
        signing=derived(key.encode(), "signing") if key else "",
        reconciler=derived(key.encode(), "reconciler") if key else "",
        store=str(store),
        data=str(store / DATA),
        values=str(VALUES),
        python=sys.executable,
        conda=conda,
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
    try:
        key, token = (key_here("key"), key_here("hub-token")) if serves else ("", "")
    except MissingKey as missing:
        raise SystemExit(str(missing)) from None
    settings = _settings(store, folder.programs.conda, key, token)
    folder.fill(settings)
    variables = folder.variables(HOME, store / ".cache" / "conda")
    if serves:  # its own, as a worker removes what it finds at its start
        variables["TMPDIR"] = str(HOME)
    else:
        forget_drafts(variables)
        _wait_for(PORT, f"{settings.prefix}/favicon.ico")
    program = folder.programs.command(SERVER if serves else WORKER)
    os.execve(program, [program, "--config", str(folder.config)], variables)  # noqa: S606 - of the image


if __name__ == "__main__":
    main()

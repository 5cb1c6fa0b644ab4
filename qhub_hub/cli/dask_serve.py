"""The gateway of one machine, as the hub starts it."""

import asyncio
import logging
import os
import signal
import sys
from base64 import b64encode
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from traitlets import Any as AnyTrait

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.dask_processes import Processes
from qhub_hub.cli.machine import own_cores, own_memory
from qhub_hub.cli.state import StateFolder, hub_mark
from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.config.loading import Values
from qhub_hub.dask.gateway import PREFIX, QHubGateway, client_of, gateway_settings
from qhub_hub.dask.hub_api import HubApi
from qhub_hub.dask.local.backend import QHubLocalBackend
from qhub_hub.dask.local.cluster_config import Place
from qhub_hub.dask.values import GatewayValues
from qhub_hub.environments import Manifests
from qhub_hub.hub.processes import wait_until_gone
from qhub_hub.hub.resource_limits import find_limiter
from qhub_hub.installation.libraries import find_nss_wrapper

_LONG = 86400.0  # seconds

_PATIENCE: dict[str, Any] = {
    # Seconds. A look at a process costs nothing, so one that ended is soon noticed; one that takes long to start, or
    # says nothing for a while, may do so because the machine is busy.
    "cluster_status_period": 2,
    "worker_status_period": 5,
    "cluster_start_timeout": 180,
    "worker_start_timeout": 180,
    "cluster_heartbeat_timeout": 90,
}


class LocalGateway(QHubGateway):
    """The gateway of one machine.

    Args:
        place: where clusters run.
        launcher: starts and ends their processes.
    """

    place: Any = AnyTrait(help="a Place")
    launcher: Any = AnyTrait(help="a Launcher")

    async def setup(self) -> None:
        """Start, and end when the hub that started this has gone: nobody else would."""
        await super().setup()
        self._watch = asyncio.create_task(_end_with(os.getppid()))


async def _end_with(parent: int) -> None:
    while not await wait_until_gone(parent, _LONG):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def serve(state: Path, files: list[Path], port: int) -> int:
    """Run the gateway until the hub ends it.

    Args:
        state: the state folder of `qhub up`.
        files: values files.
        port: of the bundled proxy, on the loopback address.

    Raises:
        CommandError: it was not started by a hub, or the values can't be used.
    """
    try:
        url, token = os.environ["JUPYTERHUB_API_URL"], os.environ.pop("JUPYTERHUB_API_TOKEN")
        service = os.environ["JUPYTERHUB_SERVICE_NAME"]
    except KeyError as missing:
        raise CommandError(
            f"{missing.args[0]} is not set: `qhub dask serve` is started by the hub of `qhub up`, not by people."
        ) from None
    try:
        live = LiveConfig(*files)
    except ConfigError as error:
        raise CommandError("The values can't be used:\n" + "\n".join(f"  {line}" for line in error.problems)) from None
    folder = StateFolder(state)
    _be_quiet(folder.logs / "dask-output.log")
    _application(folder, live, HubApi(url, token), service, port).start()
    return 0


def _be_quiet(path: Path) -> None:
    """What this process and the bundled proxy print goes to a file: the terminal is the person's."""
    with path.open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)


def _log_to(gateway: LocalGateway, path: Path) -> None:
    """Keep the log in a file that stays small."""
    file = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=3, encoding="utf-8")
    file.setFormatter(logging.Formatter("[%(levelname).1s %(asctime)s] %(message)s"))
    gateway.log.handlers[:] = [file]
    gateway.log.setLevel(logging.INFO)


def _application(state: StateFolder, live: LiveConfig, hub: HubApi, service: str, port: int) -> LocalGateway:
    own_ids = os.geteuid() == 0
    mark = hub_mark(state)
    clusters, logs = state.path / "dask", state.logs / "dask"
    # Owners pass through the first to the folder of their cluster; the second is the hub's alone.
    for folder, mode in ((clusters, 0o711), (logs, 0o700)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    config = gateway_settings(
        hub,
        service,
        {
            "DaskGateway": {"backend_class": QHubLocalBackend, "address": "127.0.0.1:0"},
            "QHubLocalBackend": {
                "clusters_directory": str(clusters),
                "db_url": f"sqlite:///{state.path / 'databases' / 'dask.sqlite'}",
                "db_encrypt_keys": [b64encode(bytes.fromhex(state.secret("dask"))).decode()],
                **_PATIENCE,
            },
            "Proxy": {"address": f"127.0.0.1:{port}", "prefix": PREFIX},
        },
    )
    gateway = LocalGateway(
        config=config,
        values=GatewayValues(live, Manifests(state.files / "environments"), _as_this_machine),
        hub=hub,
        client=client_of(os.environ, hub.token),
        place=Place(state.files, state.names if own_ids else None, sys.executable, find_nss_wrapper()),
        launcher=Processes(find_limiter(mark), mark, logs, own_ids),
    )
    _log_to(gateway, state.logs / "dask.log")
    gateway.initialize()
    return gateway


def _as_this_machine(values: Values) -> Values:
    return values.on_machine(cpu=own_cores(), memory=own_memory())

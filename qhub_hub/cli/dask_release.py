"""`qhub dask api|controller|proxy`: the parts of Dask-Gateway on a cluster, each in a pod of its own."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhub_hub.cli.console import CommandError
from qhub_hub.installation.imports import import_kubernetes_client_by_need

if TYPE_CHECKING:
    from argparse import _SubParsersAction

VALUES = Path("/etc/qhub/qhub.yaml")
KEYS = Path("/etc/qhub-dask")
PORT = 8000
_MEANING = {
    "api": "the gateway of a cluster (the chart does)",
    "controller": "makes the pods of Dask clusters (the chart does)",
    "proxy": "leads clients to their schedulers (the chart does)",
}


def add_processes(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Declare the three processes. Where things are is the chart's business, so they take no arguments."""
    for name, meaning in _MEANING.items():
        commands.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")


def run(arguments: Namespace) -> int:
    """Run one of the processes until it is told to end."""
    if arguments.process == "proxy":
        return _proxy()
    import_kubernetes_client_by_need()
    (_api() if arguments.process == "api" else _controller()).start()
    return 0


def _api() -> Any:
    from qhub_hub.config import ConfigError, LiveConfig
    from qhub_hub.dask.gateway import QHubGateway, client_of, gateway_settings
    from qhub_hub.dask.hub_api import HubApi
    from qhub_hub.dask.values import GatewayValues
    from qhub_hub.environments.remote import RemoteManifests
    from qhub_hub.sessions.mounts import ENVIRONMENTS

    try:
        # The chart has merged its defaults in: what an administrator took back with null must stay away.
        live = LiveConfig(VALUES, defaults=False)
    except ConfigError as error:
        raise CommandError(f"The values can't be used:\n{error}") from error
    hub = HubApi(_variable("QHUB_HUB_API_URL"), _key("hub-token"))
    manifests = RemoteManifests(_variable("QHUB_STORAGE_URL"), partial(_key, "environments-token"), Path(ENVIRONMENTS))
    manifests.follow()
    gateway = QHubGateway(
        config=gateway_settings(hub, "dask-gateway", _settings(live.current.dask_gateway)),
        values=GatewayValues(live, manifests),
        hub=hub,
        client=client_of(os.environ, hub.token),
    )
    gateway.initialize()
    return gateway


def _settings(section: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Of the gateway's classes.

    Args:
        section: what the chart wrote beside the section `qhub`, as `dask-gateway`.
    """
    from qhub_hub.dask.kube.backend import QHubKubeBackend

    namespace, instance = _variable("POD_NAMESPACE"), _variable("QHUB_DASK_INSTANCE")
    return {
        "DaskGateway": {"backend_class": QHubKubeBackend, "address": f":{PORT}", "log_level": _log_level()},
        "QHubKubeBackend": {
            "gateway_instance": instance,
            "namespace": namespace,
            "seal_key": _key("seal-key"),
            "deployment": _variable("QHUB_DASK_DEPLOYMENT"),
        },
        "PlannedClusterConfig": {
            "namespace": namespace,
            "image": section["image"],
            "image_pull_policy": section["imagePullPolicy"],
            "image_pull_secrets": section["imagePullSecrets"],
        },
        "Routes": {
            "prefix": section["path"],
            "api_token": _key("proxy-token"),
            "gateway_url": _variable("QHUB_DASK_URL"),
        },
    }


def _controller() -> Any:
    from traitlets.config import Config

    from qhub_hub.dask.kube.controller import QHubController

    config = Config(
        QHubController={
            "address": f":{PORT}",
            "api_url": f"{_variable('QHUB_DASK_URL')}/api",
            "namespace": _variable("POD_NAMESPACE"),
            "release": _variable("HELM_RELEASE_NAME"),
            "gateway_instance": _variable("QHUB_DASK_INSTANCE"),
            "seal_key": _key("seal-key"),
            "k8s_api_rate_limit": int(_variable("QHUB_DASK_RATE")),
            "k8s_api_rate_limit_burst": int(_variable("QHUB_DASK_BURST")),
            "completed_cluster_max_age": float(_variable("QHUB_DASK_RECORDS_KEPT")),
            "log_level": _log_level(),
        }
    )
    controller = QHubController(config=config)
    controller.initialize([])
    return controller


def _proxy() -> int:
    """Become the proxy that comes with dask-gateway-server."""
    # Found, not imported: with all that the package imports it would take the proxy's pod seconds to start.
    package = find_spec("dask_gateway_server")
    if package is None or package.origin is None:
        raise CommandError("dask-gateway-server is not installed: pip install 'qhub-hub[dask]' brings it.")
    program = Path(package.origin).parent / "proxy" / "dask-gateway-proxy"
    address = f":{PORT}"
    options = {
        "address": address,
        "tcp-address": address,
        "api-url": f"{_variable('QHUB_DASK_URL')}/api/v1/routes",
        "log-level": _log_level().lower(),
    }
    words = [word for name, value in options.items() for word in (f"-{name}", value)]
    os.execv(program, ["dask-gateway-proxy", *words])  # noqa: S606 - no shell, and no word of anybody else's


def _log_level() -> str:
    return os.environ.get("QHUB_LOG_LEVEL", "INFO")


def _variable(name: str) -> str:
    if found := os.environ.get(name):
        return found
    raise CommandError(f"The variable {name} is not set, so this is no pod of QHub's chart, which runs this command.")


def _key(name: str) -> str:
    try:
        if found := (KEYS / name).read_text(encoding="utf-8").strip():
            return found
    except OSError:
        pass
    raise CommandError(
        f"The key {KEYS / name} is missing or empty. It comes from the hub's Secret, or from the Secret that values "
        "name as jupyterhub.hub.existingSecret: docs/guides/kubernetes.md lists its keys."
    )

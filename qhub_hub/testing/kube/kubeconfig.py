"""How clients find the fake: a kubeconfig, and the places where Kubernetes clients of this process remember another."""

import contextlib
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml


def write_kubeconfig(path: Path, url: str) -> Path:
    """Write the kubeconfig of an API server that asks for no credentials."""
    name = "fake-kube"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": "nobody-checks-this"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@contextlib.asynccontextmanager
async def clients_use(kubeconfig: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let the Kubernetes clients of this process talk to that cluster, and forget it afterwards.

    Args:
        kubeconfig: of the cluster.
        patch: undoes the environment.
    """
    patch.setenv("KUBECONFIG", str(kubeconfig))
    for variable in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        patch.delenv(variable, raising=False)  # where tests run in a pod, clients would prefer its own cluster
    if find_spec("kubernetes_asyncio") is not None:
        _point_client(kubeconfig, patch)
    _forget_configuration()
    try:
        yield
    finally:
        await _close_kubespawner()
        _forget_configuration()


def _point_client(kubeconfig: Path, patch: pytest.MonkeyPatch) -> None:
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import kube_config

    # kubernetes_asyncio (36.1) reads KUBECONFIG once, when it is imported.
    patch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    patch.setattr(Configuration, "_default", None)


def _forget_configuration() -> None:
    clients = _loaded("kubespawner.clients")
    if clients is not None:
        clients.load_config.cache_clear()  # kubespawner (7.1) loads a kubeconfig once in a process


async def _close_kubespawner() -> None:
    """Stop what KubeSpawner keeps for a whole process: reflectors, and clients with their connections."""
    spawner, clients = _loaded("kubespawner.spawner"), _loaded("kubespawner.clients")
    if spawner is None or clients is None:
        return
    await spawner.KubeSpawner._stop_all_reflectors()
    for client in list(clients._client_cache.values()):
        with contextlib.suppress(RuntimeError):  # of an event loop that is closed
            await client.api_client.close()
    clients._client_cache.clear()


def _loaded(module: str) -> Any:
    # Only what a test has loaded can remember anything; a plugin without KubeSpawner needs none.
    return sys.modules.get(module)

"""Runs the numbered wiring files: how QHub's parts are put into a JupyterHub."""

import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qhub_hub.hub.deployment import Cluster, Deployment, OneMachine
from qhub_hub.hub.site import Site


class UnusableConfiguration(Exception):
    """A wiring file, `hub.config` or `hub.extraConfig` can't be used. `str()` says where and why."""


def run_config_d(folders: Iterable[Path], c: Any, site: Site, deployment: Deployment | None) -> None:
    """Run every `*.py` of the folders, sorted by name within a folder; later ones see what earlier ones set, and win.

    They share one set of names, because `load_subconfig` hides from a file what earlier ones set
    (facts/hub-apis.md §3): `c`, `site`, `deployment`, and the same as `machine` or as `cluster`, of which the other
    is None.

    Args:
        deployment: where the hub runs; None: in a deployment of somebody else's, which has set itself up.

    Raises:
        UnusableConfiguration: one of them raised an error.
    """
    names: dict[str, Any] = {
        "c": c,
        "site": site,
        "deployment": deployment,
        "machine": deployment if isinstance(deployment, OneMachine) else None,
        "cluster": deployment if isinstance(deployment, Cluster) else None,
        "get_config": lambda: c,
    }
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            names |= {"__file__": str(path), "__name__": "jupyterhub_config"}
            _run(path.read_text(encoding="utf-8"), str(path), names)


def apply_hub_config(c: Any, hub: Mapping[str, Any]) -> None:
    """Put `jupyterhub.hub.config` of the values file into the hub's configuration.

    Args:
        c: the configuration.
        hub: the `jupyterhub.hub` section; the same keys as in Zero to JupyterHub.

    Raises:
        UnusableConfiguration: a section is not a map.
    """
    for section, traits in hub_config(hub).items():
        for name, value in traits.items():
            _merge(c[section], name, value)


def run_extra_config(c: Any, hub: Mapping[str, Any]) -> None:
    """Run the code in `jupyterhub.hub.extraConfig` of the values file, by key.

    Raises:
        UnusableConfiguration: it is not a map, or code raised an error.
    """
    # As in Zero to JupyterHub, what one piece defines the next can use.
    names: dict[str, Any] = {"c": c, "get_config": lambda: c, "__name__": "jupyterhub_config"}
    for key, code in sorted(_map(hub.get("extraConfig"), "jupyterhub.hub.extraConfig").items()):
        _run(str(code), f"jupyterhub.hub.extraConfig.{key}", names)


def hub_config(hub: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The settings that `jupyterhub.hub.config` states, by class.

    Raises:
        UnusableConfiguration: it, or a section of it, is not a map.
    """
    sections = _map(hub.get("config"), "jupyterhub.hub.config")
    return {name: _map(traits, f"jupyterhub.hub.config.{name}") for name, traits in sections.items()}


def _map(found: Any, path: str) -> Mapping[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise UnusableConfiguration(f"{path} must be a map, found {found!r:.80}.")
    return found


def _run(code: str, name: str, names: dict[str, Any]) -> None:
    try:
        exec(compile(code, name, "exec"), names)  # noqa: S102 - configuration is Python
    except UnusableConfiguration:
        raise
    except Exception as error:
        # It is the administrator's own code: they are helped by what Python says, and by the line.
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        where = f"{name}, line {line}" if line else name
        raise UnusableConfiguration(f"{where}: {type(error).__name__}: {error}.") from error


def _merge(section: Any, name: str, value: Any) -> None:
    # Maps add to what the wiring set (services, environment); everything else replaces it.
    if isinstance(value, Mapping) and isinstance(section.get(name), dict):
        section[name] = {**section[name], **value}
    else:
        section[name] = value

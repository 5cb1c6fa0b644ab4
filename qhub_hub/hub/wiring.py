"""Runs the numbered wiring files: how QHub's parts are put into a JupyterHub."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhub_hub.hub.site import Site


@dataclass(frozen=True)
class OneMachine:
    """What `qhub up` knows and the wiring of one machine needs.

    Args:
        address: where people reach the hub (`http://127.0.0.1:8000`).
        hub_port, proxy_api_port: on the loopback address.
        proxy_command: starts configurable-http-proxy.
        database: SQLAlchemy url of the hub's database.
        runtime: folder for process files, closed to others.
        secrets: `cookie`, `proxy`, `crypt`, `password` and `admin-password`.
        login_hint: a sentence for the sign-in page.
    """

    address: str
    hub_port: int
    proxy_api_port: int
    proxy_command: tuple[str, ...]
    database: str
    runtime: Path
    secrets: Mapping[str, str]
    login_hint: str


def run_config_d(folders: Iterable[Path], c: Any, site: Site, machine: OneMachine | None) -> None:
    """Run every `*.py` of the folders, sorted by name within a folder; later ones see what earlier ones set, and win.

    They share one set of names (`c`, `site`, `machine`), because `load_subconfig` hides from a file what earlier ones
    set (facts/hub-apis.md §3).
    """
    names: dict[str, Any] = {"c": c, "site": site, "machine": machine, "get_config": lambda: c}
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            names |= {"__file__": str(path), "__name__": "jupyterhub_config"}
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)  # noqa: S102 - configuration is Python


def apply_hub_values(c: Any, hub: Mapping[str, Any]) -> None:
    """Put `jupyterhub.hub.config` of the values file into the hub's configuration, then run `hub.extraConfig` by key.

    Args:
        c: the configuration.
        hub: the `jupyterhub.hub` section; the same keys as in Zero to JupyterHub.
    """
    for section, traits in (hub.get("config") or {}).items():
        for name, value in traits.items():
            _merge(c[section], name, value)
    for key, code in sorted((hub.get("extraConfig") or {}).items()):
        exec(compile(code, f"hub.extraConfig.{key}", "exec"), {"c": c, "get_config": lambda: c})  # noqa: S102 - configuration is Python


def _merge(section: Any, name: str, value: Any) -> None:
    # Maps add to what the wiring set (services, environment); everything else replaces it.
    if isinstance(value, Mapping) and isinstance(section.get(name), dict):
        section[name] = {**section[name], **value}
    else:
        section[name] = value

"""Runs the hub in this process and tells the person at the terminal what they need to know."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhub_hub.cli.configured_hub import configured_hub, run_until_stopped
from qhub_hub.cli.console import Console
from qhub_hub.cli.dask_gateway import GatewayProcess
from qhub_hub.cli.environments import build_in_background
from qhub_hub.cli.state import StateFolder
from qhub_hub.hub.dask import service_variables
from qhub_hub.hub.deployment import OneMachine
from qhub_hub.hub.sign_in.shared_password import SharedPasswordSignIn
from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import hub_config

if TYPE_CHECKING:
    from qhub_hub.cli.conda_store import CondaStoreOfMachine


def launch(console: Console, state: StateFolder, files: list[Path], site: Site, machine: OneMachine) -> int:
    """Run the hub until it is stopped; returns the exit code.

    Raises:
        CommandError: it could not start.
    """
    log = state.logs / "hub.log"
    machine, conda_store, missing = _conda_store(site, state, machine)
    hub, c = configured_hub(site, machine, _logging(log))
    own = c.JupyterHub.authenticator_class is SharedPasswordSignIn
    stated = hub_config(site.live.current.jupyterhub.get("hub") or {}).get("JupyterHub", {}).get("authenticator_class")
    chosen = f"  Sign in    as the values file says ({stated or site.config.sign_in.provider})"
    own_ids = site.machine is not None and site.machine.own_ids
    lines = [
        f"\n{site.config.name} is ready:  {machine.address}\n",
        *(_passwords(console, state, site, machine) if own else [chosen]),
        f"  Settings   {', '.join(map(str, files))} (changes are followed)",
        f"  Servers    run as {'their owners, each with its own user id' if own_ids else 'you'}",
        f"  Log        {log}",
        "  Stop       Ctrl-C\n",
    ]
    gateway = GatewayProcess(machine.dask_command, service_variables(machine))

    def ready(found: list[str]) -> None:
        _ready(console, site, [*lines, *_notes(site, [*found, missing] if missing else found)])
        gateway.start()
        if conda_store is not None:
            conda_store.start()

    hub.on_ready = ready
    console.line("  Starting the hub …")
    try:
        run_until_stopped(hub, f"the reason is in {log}")
    finally:
        if conda_store is not None:
            conda_store.end()
        gateway.stop()
        if conda_store is not None:
            conda_store.wait()
    console.line("QHub has stopped.")
    return 0


class Sentences(logging.Formatter):
    """An error for the person at the terminal: what happened, and where the rest of it is.

    Args:
        log: file that has the traceback.
    """

    def __init__(self, log: Path) -> None:
        super().__init__("[%(levelname).1s %(asctime)s] %(message)s", "%H:%M:%S")
        self._log = log

    def format(self, record: logging.LogRecord) -> str:
        """One record, without its traceback."""
        bare = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        return super().format(bare) + (f" (details in {self._log})" if record.exc_info else "")


def _conda_store(
    site: Site, state: StateFolder, machine: OneMachine
) -> tuple[OneMachine, "CondaStoreOfMachine | None", str]:
    """See `conda_store_of`."""
    if site.config.environments.provider == "builtin":
        return machine, None, ""
    from qhub_hub.cli.conda_store import conda_store_of  # what few use must not cost everybody's start

    return conda_store_of(site, state, machine)


def _ready(console: Console, site: Site, lines: list[str]) -> None:
    for line in lines:
        console.line(line)
    if site.machine is not None and site.config.environments.provider == "builtin":
        # Not before: nobody waits for an environment to be able to sign in.
        build_in_background(site.live, site.store, site.machine.files, site.machine.own_ids)


def _notes(site: Site, found: list[str]) -> list[str]:
    return [f"  note: {sentence}" for sentence in (*found, *site.notices, *site.warnings)]


def _logging(path: Path) -> dict[str, Any]:
    """Everything goes to a file that is kept small; only what needs a person goes to the terminal."""
    return {
        "formatters": {"sentences": {"()": Sentences, "log": path}},
        "handlers": {
            "console": {"level": "ERROR", "formatter": "sentences"},
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "formatter": "console",
                "filename": str(path),
                "maxBytes": 10_000_000,
                "backupCount": 3,
                "encoding": "utf-8",
            },
        },
        "loggers": {"QHub": {"level": "INFO", "handlers": ["console", "file"]}},
    }


def _passwords(console: Console, state: StateFolder, site: Site, machine: OneMachine) -> list[str]:
    who = "any name" if site.open_to_all else "a name from the settings"
    admins = ", ".join(sorted(site.admins))
    # Shown to a person; not to a log, where it would stay.
    shown = machine.secrets if console.terminal else None
    lines = [f"  Sign in    {who}, password {shown.password if shown else ''}".rstrip()]
    lines.append(f"             (kept in {state.secret_path('password')})")
    if admins:
        lines.append(f"  Admin      {admins}, password {shown.admin_password if shown else ''}".rstrip())
        lines.append(f"             (kept in {state.secret_path('admin-password')})")
    return lines

"""Runs the hub in this process and tells the person at the terminal what they need to know."""

from pathlib import Path
from typing import Any

from traitlets.config import Config

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.state import StateFolder
from qhub_hub.hub.application import QHub
from qhub_hub.hub.sign_in.one_machine import OneMachineAuthenticator
from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import OneMachine, run_config_d
from qhub_hub.installation import packaged


def launch(console: Console, state: StateFolder, files: list[Path], site: Site, machine: OneMachine) -> int:
    """Run the hub until it is stopped; returns the exit code.

    Raises:
        CommandError: it could not start.
    """
    c = Config()
    try:
        run_config_d([packaged("jupyterhub_config.d")], c, site, machine)
    except Exception as error:
        raise CommandError(f"The hub's configuration can't be used: {type(error).__name__}: {error}") from error
    log = state.logs / "hub.log"
    c.QHub.logging_config = _logging(log)
    hub = QHub.instance(config=c)
    own = c.JupyterHub.authenticator_class is OneMachineAuthenticator
    chosen = f"  Sign in    as the values file says ({c.JupyterHub.authenticator_class})"
    own_ids = site.machine is not None and site.machine.own_ids
    lines = [
        f"\n{site.config.name} is ready:  {machine.address}\n",
        *(_passwords(console, state, site, machine) if own else [chosen]),
        f"  Settings   {', '.join(map(str, files))} (changes are followed)",
        f"  Servers    run as {'their owners, each with its own user id' if own_ids else 'you'}",
        f"  Log        {log}",
        "  Stop       Ctrl-C\n",
    ]
    hub.on_ready = lambda found: _say(console, [*lines, *_notes(site, found)])
    console.line("  Starting the hub …")
    try:
        QHub.launch_instance()
    except SystemExit as ended:
        if hub.failure is not None:
            raise CommandError(f"The hub could not start; the reason is in {log}.") from hub.failure
        return int(ended.code or 0)
    console.line("QHub has stopped.")
    return 0


def _say(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.line(line)


def _notes(site: Site, found: list[str]) -> list[str]:
    return [f"  note: {sentence}" for sentence in (*found, *site.notices, *site.warnings)]


def _logging(path: Path) -> dict[str, Any]:
    """Everything goes to a file that is kept small; only what needs a person goes to the terminal."""
    return {
        "handlers": {
            "console": {"level": "ERROR"},
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
    shown = machine.secrets if console.terminal else {}
    lines = [f"  Sign in    {who}, password {shown.get('password', '')}".rstrip()]
    lines.append(f"             (kept in {state.secret_path('password')})")
    if admins:
        lines.append(f"  Admin      {admins}, password {shown.get('admin-password', '')}".rstrip())
        lines.append(f"             (kept in {state.secret_path('admin-password')})")
    return lines

"""`qhub up`: the whole platform on this machine, from nothing to an address to open."""

import os
import secrets
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.ports import kept_ports, require_free
from qhub_hub.cli.state import StateFolder, default_state, told, write_closed
from qhub_hub.installation.imports import skip_slow_imports, without_collections

if TYPE_CHECKING:
    from qhub_hub.config import LiveConfig
    from qhub_hub.hub.site import Site

STARTER = """\
# Settings of this QHub, on top of the defaults. Changes are followed while QHub runs.
# Every key with its meaning: `qhub schema`, or docs/reference/values.md.
#
# qhub:
#   users:
#     ann: {displayName: Ann}
#     bob: {}
#   groups:
#     data: {members: [ann]}          # members share the folder shared/data
#   profiles:
#     large:
#       displayName: Large
#       cpu: {limit: 4}
#       memory: {limit: "8Gi"}
#       allowedGroups: [data]         # others see the card locked, with the reason
qhub: {}
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "-f",
        "--values",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="values file; may be given several times, later ones win (default: values.yaml in the state folder)",
    )
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default: %(default)s)")
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=None,
        help="folder for everything that lasts (default: /var/lib/qhub for root, else ~/.local/state/qhub)",
    )


def run(arguments: Namespace) -> int:
    """Start the hub and stay until it is stopped; returns the exit code."""
    console = Console()
    if not 0 < arguments.port < 65536:
        raise CommandError(f"--port must be between 1 and 65535, not {arguments.port}.")
    # Whatever the shell said: what servers and the proxy need is open to them, and what is secret is closed by name.
    os.umask(0o022)
    state = StateFolder(arguments.state or default_state())
    with state.locked():
        files = arguments.values or [_own_values(state)]
        return _run(console, state, files, arguments.port)


def _own_values(state: StateFolder) -> Path:
    path = state.path / "values.yaml"
    with told(f"The settings file {path} can't be made"):
        if not path.exists():
            write_closed(path, STARTER)  # it may come to hold a provider's client secret
    return path


def _run(console: Console, state: StateFolder, files: list[Path], port: int) -> int:
    # Imported here and not above: `qhub --help` must not wait for a hub to be loaded.
    skip_slow_imports()
    with without_collections():
        from qhub_hub.cli.leftovers import end_old_proxy
        from qhub_hub.cli.one_machine import open_site
        from qhub_hub.cli.proxy import proxy_command
    with console.step("Reading the values"):
        live = _read(files)
    end_old_proxy(state.path / "proxy.pid", state.proxy)
    require_free(port)
    command = proxy_command(state.proxy, console)
    if os.geteuid() == 0:
        _require_open_to_others(state)
    with console.step("Preparing folders and ids"):
        site = open_site(state, live)
    try:
        return _serve(console, state, files, site, (command, port))
    finally:
        if site.machine is not None:
            site.machine.limiter.close()


def _read(files: list[Path]) -> "LiveConfig":
    from qhub_hub.config import ConfigError, LiveConfig

    try:
        live = LiveConfig(*files)
    except ConfigError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"The values can't be used:\n{lines}") from None
    return live


def _require_open_to_others(state: StateFolder) -> None:
    """As root, servers run as other users: they must be able to reach this Python and their home.

    Raises:
        CommandError: a folder on the way is closed to them.
    """
    probe = "import os, sys, qhub_hub.singleuser; os.stat(sys.argv[1])"
    try:
        ended = subprocess.run(  # noqa: S603 - this Python
            [sys.executable, "-c", probe, str(state.files)],
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
        closed = ended.returncode != 0
    except PermissionError:
        closed = True
    if closed:
        culprit = next(
            (
                str(folder)
                for path in (
                    Path(sys.executable).absolute(),
                    Path(sys.base_prefix),
                    Path(__file__).parent,
                    state.files,
                )
                for folder in reversed(path.parents)
                if not folder.stat().st_mode & 0o001
            ),
            str(Path(sys.prefix)),
        )
        raise CommandError(
            "QHub runs as root, so that every server runs as its own user; but other users can't get to "
            f"{sys.executable} and {state.files}: {culprit} is closed to them.\n"
            "hint: install QHub (and Python) and keep its state where everybody may pass, such as /opt and "
            "/var/lib; or run it as a normal user."
        )


def _password() -> str:
    # Four groups of four from 31 letters and digits that can't be mistaken for one another: 79 bits, easy to type.
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _serve(console: Console, state: StateFolder, files: list[Path], site: "Site", proxy: tuple[list[str], int]) -> int:
    with without_collections():
        from qhub_hub.cli.launch import launch
        from qhub_hub.hub.deployment import OneMachine, Secrets, derived_crypt_key
    command, port = proxy
    ports = kept_ports(state.path / "ports.json", ("hub", "proxy-api", "dask"), port)
    address = f"http://127.0.0.1:{port}"
    cookie = bytes.fromhex(state.secret("cookie"))
    machine = OneMachine(
        database=f"sqlite:///{state.database}",
        usage=f"sqlite:///{state.usage}",
        secrets=Secrets(
            cookie=cookie,
            proxy=state.secret("proxy"),
            crypt=(derived_crypt_key(cookie),),
            password=state.secret("password", _password),
            # JupyterHub asks for 32 characters at least.
            admin_password=state.secret("admin-password", lambda: f"{_password()}-{_password()}"),
        ),
        login_hint=f"The password is in {state.secret_path('password')} on the machine that runs QHub.",
        address=address,
        hub_port=ports["hub"],
        proxy_api_port=ports["proxy-api"],
        proxy_command=tuple(command),
        runtime=state.path,
        dask_port=ports["dask"],
        dask_command=_dask_command(state, files, ports["dask"]),
    )
    return launch(console, state, files, site, machine)


def _dask_command(state: StateFolder, files: list[Path], port: int) -> tuple[str, ...]:
    values = [word for file in files for word in ("--values", str(file.absolute()))]
    serve = ("dask", "serve", "--state", str(state.path), "--port", str(port), *values)
    return (sys.executable, "-P", "-m", "qhub_hub", *serve)

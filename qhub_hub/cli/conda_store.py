"""conda-store of one machine: found, given a place in the state folder, run and followed while the hub is."""

import contextlib
import logging
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import qhub_hub
from qhub_hub.cli.conda_store_process import Program
from qhub_hub.cli.environments import LOOK_EVERY, access_by, builds_in
from qhub_hub.cli.ports import kept_ports
from qhub_hub.cli.state import StateFolder, told
from qhub_hub.conda_store.reconcile import Place, Reconciler
from qhub_hub.conda_store.rest import CondaStore, Unavailable
from qhub_hub.conda_store.settings import VARIABLE, Settings
from qhub_hub.config.models import Config
from qhub_hub.environments.access import BUILDER
from qhub_hub.environments.manifest import write_whole
from qhub_hub.environments.process import surroundings
from qhub_hub.hub.conda_store import derived, service_token
from qhub_hub.hub.deployment import OneMachine
from qhub_hub.hub.site import Site

PROVIDER = "conda-store"
_PROGRAMS = ("conda-store-server", "conda-store-worker", "conda")
_ASK_EVERY = 0.5  # seconds, until its server answers
_CONFIGURATION = """\
# Written anew at every start.
import sys

sys.path.append({folder!r})  # QHub's package, and nothing else of its Python
from qhub_hub.conda_store.configuration import configure

configure(c)
"""
_log = logging.getLogger("QHub.conda-store")


class NotInstalled(Exception):
    """A program of conda-store's is missing. `str()` says which, and what to do."""


@dataclass(frozen=True)
class Folders:
    """Where conda-store's files are in the state folder.

    Args:
        root: of them all.
    """

    root: Path

    @property
    def data(self) -> Path:
        """Its own: database, logs, lock files."""
        return self.root / "data"

    @property
    def values(self) -> Path:
        """What it is to know of the values."""
        return self.root / "values.json"

    @property
    def database(self) -> Path:
        """Its environments and builds."""
        return self.data / "conda-store.sqlite"


class CondaStoreOfMachine:
    """conda-store as the hub's process starts and follows it.

    Args:
        site: values and ids.
        state: the state folder.
        machine: where the hub runs, with a port for conda-store.
    """

    def __init__(self, site: Site, state: StateFolder, machine: OneMachine) -> None:
        self._site = site
        self._own_ids = os.geteuid() == 0
        self._port = machine.conda_store_port
        self._token = derived(machine, "reconciler")
        self._folders = Folders(state.path / PROVIDER)
        self._builds = builds_in(state.files)
        path = _path_of(site.config)
        conda = "mamba" if shutil.which("mamba", path=path) else "conda"
        config = self._prepare(machine, conda)
        variables = self._variables(path)

        def program(name: str, nice: int) -> Program:
            command = (str(shutil.which(name, path=path)), "--config", str(config))
            return Program(command, nice, variables, state.logs / f"{name}.log", self._own_ids)

        self._server, self._worker = program("conda-store-server", 0), program("conda-store-worker", 10)
        self._ending = threading.Event()

    def start(self) -> None:
        """Start it, and look after it from now on."""
        self._server.start()
        threading.Thread(target=self._look_for_ever, name=PROVIDER, daemon=True).start()

    def end(self) -> None:
        """Tell it to end."""
        self._ending.set()
        for program in (self._server, self._worker):
            program.end()

    def wait(self) -> None:
        """Wait until it has ended."""
        for program in (self._server, self._worker):
            program.wait()

    def _look_for_ever(self) -> None:
        def config() -> Config:
            return self._site.live.current.qhub

        place = Place(self._builds, self._folders.values, self._folders.database, self._own_ids)
        access = access_by(config, self._site.store, self._own_ids)
        rest = CondaStore(self._port, self._token)
        self._start_worker(rest)
        reconciler = Reconciler(rest, place, config, access, _log)
        while not self._ending.wait(LOOK_EVERY):
            try:
                reconciler.look()
            except Exception:
                _log.exception("Environments could not be looked after; this is tried again")

    def _start_worker(self, rest: CondaStore) -> None:
        # After the server, which makes the database, and waits for a worker that says so afterwards.
        while not self._ending.wait(_ASK_EVERY):
            with contextlib.suppress(Unavailable):
                rest.namespaces()
                self._worker.start()
                return

    def _prepare(self, machine: OneMachine, conda: str) -> Path:
        """Make folders and files; returns the configuration file's path.

        Raises:
            CommandError: they can't be made.
        """
        folders, python = self._folders, self._folders.root / "python"
        settings = Settings(
            port=self._port,
            hub_api=f"http://127.0.0.1:{machine.hub_port}/hub/api",
            authorize=f"{urlsplit(machine.address).path}/hub/api/oauth2/authorize",
            token=service_token(machine),
            signing=derived(machine, "signing"),
            reconciler=self._token,
            store=str(self._builds.root),
            data=str(folders.data),
            values=str(folders.values),
            python=sys.executable,
            conda=conda,
        )
        with told(f"The folder {folders.root} can't be made"):
            for folder in (folders.root, python, self._builds.root):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
            folders.data.mkdir(exist_ok=True)
            folders.data.chmod(0o700)
            self._give(folders.data, BUILDER)  # what is inside, its programs make
            link = python / "qhub_hub"
            link.unlink(missing_ok=True)
            link.symlink_to(Path(qhub_hub.__file__).parent)
            config = folders.root / "config.py"
            for path, text in (
                (config, _CONFIGURATION.format(folder=str(python))),
                (folders.root / "settings.json", settings.text()),
            ):
                write_whole(path, text, 0o640)
                self._give(path, 0)
        return config

    def _give(self, path: Path, owner: int) -> None:
        if self._own_ids:
            os.chown(path, owner, BUILDER)

    def _variables(self, path: str) -> Mapping[str, str]:
        """Nothing of the hub's own: it holds its secrets."""
        return {
            **surroundings(self._folders.data / "home"),
            "PATH": f"{path}:/usr/bin:/bin",
            VARIABLE: str(self._folders.root / "settings.json"),
            # On the disk of the environments: they share files with it.
            "CONDA_PKGS_DIRS": str(self._builds.cache / "conda"),
        }


def conda_store_of(
    site: Site, state: StateFolder, machine: OneMachine
) -> tuple[OneMachine, CondaStoreOfMachine | None, str]:
    """conda-store, where the values name it.

    Returns:
        The machine, with a port for it; conda-store, not started, or None; and a sentence where it can't be.

    Raises:
        CommandError: its files can't be made.
    """
    if site.config.environments.provider != PROVIDER:
        return machine, None, ""
    try:
        _path_of(site.config)
    except NotInstalled as error:
        return machine, None, str(error)
    port = kept_ports(state.path / "conda-store-port.json", (PROVIDER,), machine.dask_port)[PROVIDER]
    machine = replace(machine, conda_store_port=port)
    return machine, CondaStoreOfMachine(site, state, machine), ""


def _path_of(config: Config) -> str:
    """Folders in which conda-store's programs are, as `PATH` has them.

    Raises:
        NotInstalled: one of them is nowhere.
    """
    stated = config.environments.conda_store.programs
    found = {name: shutil.which(name, path=stated) for name in _PROGRAMS}
    if missing := [name for name, path in found.items() if path is None]:
        raise NotInstalled(
            f"conda-store builds the environments here, but {missing[0]} is not in {stated or 'PATH'}: none is built, "
            "and those that were stay usable. Install it with\n"
            "        conda create -p /opt/conda-store -c conda-forge conda-store-server=2025.2.2 'conda-lock<3' mamba\n"
            "        and state qhub.environments.condaStore.programs: /opt/conda-store/bin, then start QHub again."
        )
    return os.pathsep.join(dict.fromkeys(str(Path(path).parent) for path in found.values() if path))

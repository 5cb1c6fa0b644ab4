"""conda-store of one machine: found, given a place in the state folder, run and followed while the hub is."""

import contextlib
import logging
import os
import shutil
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from qhub_hub.cli.conda_store_process import Program
from qhub_hub.cli.environments import LOOK_EVERY, access_by, builds_in, look
from qhub_hub.cli.ports import kept_ports
from qhub_hub.cli.state import StateFolder, told
from qhub_hub.conda_store.folder import SERVER, WORKER, Folder, Programs
from qhub_hub.conda_store.reconcile import Place, Reconciler
from qhub_hub.conda_store.rest import CondaStore, Unavailable
from qhub_hub.conda_store.settings import Settings
from qhub_hub.config.models import Config
from qhub_hub.environments.access import BUILDER
from qhub_hub.hub.conda_store import derived, service_token
from qhub_hub.hub.deployment import OneMachine
from qhub_hub.hub.site import Site

PROVIDER = "conda-store"
_ASK_EVERY = 0.5  # seconds, until its server answers
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
        programs: conda-store's.
    """

    def __init__(self, site: Site, state: StateFolder, machine: OneMachine, programs: Programs) -> None:
        self._site = site
        self._own_ids = os.geteuid() == 0
        self._port = machine.conda_store_port
        self._token = derived(machine, "reconciler")
        self._folders = Folders(state.path / PROVIDER)
        self._builds = builds_in(state.files)
        folder = self._prepare(machine, programs)
        variables = folder.variables(self._folders.data / "home", self._builds.cache / "conda")

        def program(name: str, nice: int) -> Program:
            command = (programs.command(name), "--config", str(folder.config))
            return Program(command, nice, variables, state.logs / f"{name}.log", self._own_ids)

        self._server, self._worker = program(SERVER, 0), program(WORKER, 10)
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
            look(reconciler)

    def _start_worker(self, rest: CondaStore) -> None:
        # After the server, which makes the database, and waits for a worker that says so afterwards.
        while not self._ending.wait(_ASK_EVERY):
            with contextlib.suppress(Unavailable):
                rest.namespaces()
                self._worker.start()
                return

    def _prepare(self, machine: OneMachine, programs: Programs) -> Folder:
        """Make folders and files; returns the one that the programs read.

        Raises:
            CommandError: they can't be made.
        """
        folders = self._folders
        settings = Settings(
            address="127.0.0.1",
            port=self._port,
            base=urlsplit(machine.address).path,
            hub_api=f"http://127.0.0.1:{machine.hub_port}/hub/api",
            token=service_token(machine),
            signing=derived(machine, "signing"),
            reconciler=self._token,
            store=str(self._builds.root),
            data=str(folders.data),
            values=str(folders.values),
            python=sys.executable,
            conda=programs.conda,
        )
        with told(f"The folder {folders.root} can't be made"):
            for path in (folders.root, self._builds.root):
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(0o755)
            folders.data.mkdir(exist_ok=True)
            folders.data.chmod(0o700)
            self._give(folders.data, BUILDER)  # what is inside, its programs make
            folder = Folder(folders.root, programs)
            folder.fill(settings, lambda path: self._give(path, 0))
        return folder

    def _give(self, path: Path, owner: int) -> None:
        if self._own_ids:
            os.chown(path, owner, BUILDER)


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
        programs = _programs(site.config)
    except NotInstalled as error:
        return machine, None, str(error)
    port = kept_ports(state.path / "conda-store-port.json", (PROVIDER,), machine.dask_port)[PROVIDER]
    machine = replace(machine, conda_store_port=port)
    return machine, CondaStoreOfMachine(site, state, machine, programs), ""


def _programs(config: Config) -> Programs:
    """conda-store's programs, and whether a conda lies beside its server: another one would not fit it.

    Raises:
        NotInstalled: one of them is nowhere.
    """
    stated = config.environments.conda_store.programs
    found = {name: shutil.which(name, path=stated) for name in (SERVER, WORKER)}
    if missing := [name for name, path in found.items() if path is None]:
        raise NotInstalled(
            f"conda-store builds the environments here, but {missing[0]} is not in {stated or 'PATH'}: none is built, "
            "and those that were stay usable. Install it with\n"
            "        python3 -m venv /opt/conda-store\n"
            "        /opt/conda-store/bin/pip install conda-store-server==2025.2.2 'conda-lock<5' 'setuptools<81'\n"
            "        and state qhub.environments.condaStore.programs: /opt/conda-store/bin, then start QHub again."
        )
    folders = dict.fromkeys(str(Path(path).parent) for path in found.values() if path)
    has_conda = shutil.which("conda", path=next(iter(folders))) is not None
    return Programs(os.pathsep.join(folders), has_conda)

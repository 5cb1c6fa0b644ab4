"""Puts together the site of one machine from its state folder and values."""

import os

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.machine import own_cores, own_memory
from qhub_hub.cli.state import StateFolder, hub_mark
from qhub_hub.config import LiveConfig
from qhub_hub.hub.folders import LocalFolders
from qhub_hub.hub.machine import Machine
from qhub_hub.hub.resource_limits import find_limiter
from qhub_hub.hub.site import Site
from qhub_hub.identity import IdentityError
from qhub_hub.identity.store import IdentityStore
from qhub_hub.installation.libraries import find_nss_wrapper
from qhub_hub.storage import Provisioner, StorageError


def open_site(state: StateFolder, live: LiveConfig) -> Site:
    """The site with its identity database and folders opened.

    Raises:
        CommandError: one of them can't be used.
    """
    own_ids = os.geteuid() == 0
    try:
        store = IdentityStore.by(live.current.qhub.identity, f"sqlite:///{state.identities}")
        folders = LocalFolders(Provisioner(state.files, own_ids=own_ids), store)
    except (IdentityError, StorageError) as error:
        raise CommandError(str(error)) from error
    mark = hub_mark(state)
    limiter = find_limiter(mark)
    notices = [limiter.notice] if limiter.notice else []
    if own_ids and find_nss_wrapper() is None:
        notices.append(
            "Names are shown as numbers in servers: libnss_wrapper is missing (Debian: apt-get install libnss-wrapper)."
        )
    if not own_ids:
        notices.append(
            "QHub does not run as root: all servers run as the user who started it, without protection from each other."
        )
    machine = Machine(
        cpu=own_cores(),
        memory=own_memory(),
        own_ids=own_ids,
        files=state.files,
        names=state.names,
        logs=state.logs,
        limiter=limiter,
        mark=mark,
        notices=tuple(notices),
    )
    return Site(live, store, folders, machine)

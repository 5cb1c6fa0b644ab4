"""Environments of a place: where they lie, who may see them, and the thread that builds them while the hub runs."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from qhub_hub.config import LiveConfig
from qhub_hub.config.models import Config
from qhub_hub.environments.access import Access
from qhub_hub.environments.audience import audience
from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.namespaces import is_personal, user_namespace
from qhub_hub.environments.personal import PersonalFolders
from qhub_hub.environments.reconcile import Reconciler
from qhub_hub.identity import IdentityError
from qhub_hub.identity.records import UserRecord
from qhub_hub.identity.store import IdentityStore

LOOK_EVERY = 3.0  # seconds between two looks for something to build
_log = logging.getLogger("QHub.environments")


def builds_in(files: Path) -> Builds:
    """The builds of one machine.

    Args:
        files: root of homes and shared folders.
    """
    return Builds(files / "environments")


def access_by(config: Callable[[], Config], store: IdentityStore, own_ids: bool) -> Callable[[str], Access]:
    """Says who may see a namespace, in the numbers that the file system knows.

    Args:
        config: gives the values in force.
        store: who has which number.
        own_ids: whether servers run as their owners.
    """

    def access(namespace: str) -> Access:
        values = config()
        who = audience(values, namespace)
        if who.everybody or not own_ids:
            return Access(who.everybody, own_ids=own_ids)
        try:
            gids = [
                found.gid for found in store.groups({name: values.groups[name].gid for name in who.groups}).values()
            ]
            gids += [found.gid for found in store.users({name: values.users[name].uid for name in who.users}).values()]
            if is_personal(namespace) and namespace not in values.environments.namespaces:
                # Of people whom the values do not list, too.
                gids += [found.gid for found in people_of(store) if user_namespace(found.name) == namespace]
        except IdentityError as error:
            raise BuildError(f"Who may see {namespace} can't be looked up: {error}") from error
        return Access(False, tuple(sorted(set(gids))), own_ids)

    return access


def people_of(store: IdentityStore) -> tuple[UserRecord, ...]:
    """Everybody who has an id."""
    return tuple(record for record in store.records() if isinstance(record, UserRecord))


def homes_in(files: Path, store: IdentityStore, own_ids: bool) -> PersonalFolders:
    """The folders in which people of one machine describe environments of their own."""
    return PersonalFolders(files / "home", partial(people_of, store), own_ids)


def open_to_all(namespace: str) -> Access:
    """On a cluster folders are closed to nobody: who sees a namespace is decided by what their pods mount."""
    return Access(everybody=True)


class Looking(Protocol):
    """Keeps environments as the values say: QHub itself, or conda-store for it."""

    def look(self) -> None:
        """Do what is due."""


def look(reconciler: Looking) -> None:
    """Let it look once. Whatever goes wrong is in the log, and the next look tries again."""
    try:
        reconciler.look()
    except BuildError as error:
        _log.error("%s", error)
    except Exception:
        _log.exception("Environments could not be looked after; this is tried again")


def build_in_background(live: LiveConfig, store: IdentityStore, files: Path, own_ids: bool) -> None:
    """From now on, build what is wanted, until this process ends. Builds are processes of their own and end with it."""

    def config() -> Config:
        return live.current.qhub

    homes = homes_in(files, store, own_ids)
    reconciler = Reconciler(builds_in(files), config, access_by(config, store, own_ids), _log, homes)
    pause = threading.Event()

    def look_for_ever() -> None:
        while not pause.wait(LOOK_EVERY):
            look(reconciler)

    threading.Thread(target=look_for_ever, name="environments", daemon=True).start()

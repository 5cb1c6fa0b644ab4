"""What the hub knows besides its own database: the values in force, the ids, the folders. Policy is asked for here."""

import asyncio
from collections.abc import Mapping
from logging import Logger
from typing import Any, Self

from traitlets.log import get_logger

from qhub_hub.config import LiveConfig
from qhub_hub.config.models import Config
from qhub_hub.environments import Catalogue, KnownEnvironments, Manifests, user_namespace
from qhub_hub.hub.folders import Folders
from qhub_hub.hub.machine import Machine
from qhub_hub.identity import (
    IdConflict,
    Identity,
    IdentityError,
    Memberships,
    UnusableName,
    claim_declared,
    identity_of,
    peers_of,
    view_of,
)
from qhub_hub.identity.store import IdentityStore
from qhub_hub.sessions import Offer, Plan, Rejected, Usage, make_plan, offers, parse_request
from qhub_hub.sessions.mounts import mounts_of
from qhub_hub.storage import StorageError, directories, namespace_directory

DEFAULT_ADMIN = "admin"
"""Who administers a hub whose values file names no administrator, where the hub itself gives out that password."""

_FOLDERS_WITHIN = 60.0  # seconds; a share that takes longer hangs


class Site:
    """One hub's values, ids and folders.

    Args:
        live: the values file, re-read when it changes.
        store: who has which id.
        folders: has people's folders made.
        machine: where servers run as processes; None: they run as pods.
        manifests: says which environments there are where servers run as pods; None: none.
    """

    def __init__(
        self,
        live: LiveConfig,
        store: IdentityStore,
        folders: Folders,
        machine: Machine | None = None,
        manifests: KnownEnvironments | None = None,
    ) -> None:
        self.live = live
        self.store = store
        self.folders = folders
        self.machine = machine
        self._manifests = manifests or Manifests(machine.files / "environments" if machine else None)
        self.warnings: tuple[str, ...] = ()
        self._memberships: tuple[object, Memberships] | None = None
        self._introduced: dict[str, frozenset[str]] = {}

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        # traitlets copies configuration values deeply when it hands them to a class; there is one site per hub.
        return self

    @property
    def memberships(self) -> Memberships:
        """Who is in which group by the values in force.

        Raises:
            StoreUnavailable: ids that the values declare could not be registered, so nobody may be given one.
        """
        values = self.live.current
        if self._memberships is None or self._memberships[0] is not values:
            machine = self.machine
            # On one machine, its size is that of nodes without a stated one.
            fitted = values.on_machine(cpu=machine.cpu, memory=machine.memory) if machine else values
            memberships = Memberships(fitted.qhub)
            # Declared numbers first, or the next person to sign in might be given one of them. Where that fails
            # nothing is kept: the next question tries again.
            for sentence in claim_declared(memberships, self.store):
                get_logger().error(sentence)
            self._memberships = (values, memberships)
            self.warnings = tuple(map(str, fitted.warnings))
        return self._memberships[1]

    @property
    def config(self) -> Config:
        """The values in force."""
        return self.memberships.config

    def refresh(self, log: Logger) -> bool:
        """Look whether the values files changed, and say in the log what came of it; whether they did."""
        if not self.live.refresh():
            return False
        if self.problems:
            log.error("The values file is broken; the last good one stays in force:\n%s", "\n".join(self.problems))
        else:
            log.warning("The values file changed and is in force.")
        return True

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the values file as it is on disk, a line each; empty while it is in force."""
        return tuple(map(str, self.live.problems))

    @property
    def catalogue(self) -> Catalogue:
        """Environments on offer."""
        return self._manifests.read()

    @property
    def admins(self) -> frozenset[str]:
        """Names of the administrators: those in the values file, or the default one where it names none."""
        return self.declared_admins or frozenset({DEFAULT_ADMIN})

    @property
    def declared_admins(self) -> frozenset[str]:
        """Names of the administrators in the values file."""
        named = self._named()
        return frozenset(person for person in named if self.memberships.is_admin(person, self.memberships.of(person)))

    @property
    def open_to_all(self) -> bool:
        """Whether everybody may sign in, because the values file names nobody."""
        return not self._named()

    def may_sign_in(self, name: str) -> bool:
        """Whether the values file lets this person in: everybody, unless it names people."""
        return self.open_to_all or name in self._named() or name in self.admins

    def _named(self) -> set[str]:
        config = self.config
        return set(config.users).union(*(group.members for group in config.groups.values()))

    def identity(self, name: str, hub_groups: frozenset[str]) -> Identity:
        """Who this person is.

        Raises:
            Rejected: the name or its ids can't be used.
        """
        try:
            home_root = str(self.machine.files / "home") if self.machine else self.config.storage.home
            return identity_of(self.memberships, self.store, name, hub_groups, home_root=home_root)
        except (UnusableName, IdConflict) as error:
            get_logger().error("No identity for %r: %s", name, error)
            raise Rejected(
                "identity",
                f"The name {name!r} can't be used here. An administrator finds the reason in the log.",
            ) from error
        except IdentityError as error:
            get_logger().error("No identity for %r: %s", name, error)
            raise Rejected(
                "unavailable", "Your user id can't be looked up now. An administrator finds the reason in the log."
            ) from error

    def offers(self, identity: Identity) -> tuple[Offer, ...]:
        """The cards that this person sees."""
        return offers(self.config, identity, self.catalogue)

    def plan(self, identity: Identity, options: object, server: str, usage: Usage) -> Plan:
        """What to start.

        Raises:
            Rejected: nothing, with the reason.
        """
        return make_plan(self.config, identity, parse_request(options, server), self.catalogue, usage)

    async def prepare(self, identity: Identity) -> None:
        """Make the folders and name files that a server of this person needs.

        Raises:
            Rejected: a folder is not as it must be.
        """
        everyone = frozenset(name for name, group in self.config.groups.items() if group.everyone)
        ensured = asyncio.to_thread(self.folders.ensure, directories(identity, everyone))
        try:
            # In a thread and not for ever: a share that hangs must hang neither the hub nor the page that waits.
            await asyncio.wait_for(ensured, _FOLDERS_WITHIN)
            self.write_names(identity)
            await self._prepare_namespace(identity)
        except (StorageError, IdentityError, OSError) as error:
            get_logger().error("No folders for %r: %s", identity.name, str(error) or "the share does not answer")
            raise Rejected(
                "unavailable", "Your folders can't be prepared. An administrator finds the reason in the log."
            ) from error

    async def _prepare_namespace(self, identity: Identity) -> None:
        """On a cluster where people make environments in conda-store, have a folder for theirs: their pod mounts it."""
        namespace = user_namespace(identity.name)
        if self.machine is not None or f"environments/{namespace}" not in {
            mount.source for mount in mounts_of(self.config, identity)
        }:
            return
        ensured = asyncio.to_thread(self.folders.ensure, (namespace_directory(namespace),))
        try:
            await asyncio.wait_for(ensured, _FOLDERS_WITHIN)
        except (StorageError, OSError) as error:
            # Whoever can't make environments can still work.
            get_logger().error(
                "No folder %s for environments: %s", namespace, str(error) or "the share does not answer"
            )

    def write_names(self, identity: Identity) -> None:
        """On one machine, let this person's servers know the names of their groups' people."""
        if self.machine is not None:
            self.machine.write_names(identity, view_of(identity, peers_of(self.memberships, self.store, identity)))

    def is_newcomer(self, name: str, groups: frozenset[str]) -> bool:
        """Whether servers of this person's groups may not know their name yet; asked once, it is known."""
        known, self._introduced[name] = self._introduced.get(name), groups
        return self.machine is not None and known != groups

    @property
    def notices(self) -> tuple[str, ...]:
        """What is not as it should be here, as sentences for administrators."""
        return (*(self.machine.notices if self.machine else ()), *self._manifests.problems)

"""Which folders a server sees: the home, the folders of the person's groups, their environments read-only."""

from dataclasses import dataclass

from qhub_hub.config.models import Config
from qhub_hub.environments.manifest import Catalogue
from qhub_hub.environments.namespaces import user_namespace
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.catalogue import own_namespaces, visible_namespaces
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.storage.layout import check_part

# Fixed, not a setting: an environment's prefix is compiled into its programs.
ENVIRONMENTS = "/home/conda"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the share that the server sees.

    Args:
        source: path relative to the share's root (`home/ann`, `shared/data`).
        target: absolute path inside a container.
        read_only: whether the server may only read it.
    """

    source: str
    target: str
    read_only: bool = False


def mounts_of(config: Config, identity: Identity, catalogue: Catalogue = ()) -> tuple[Mount, ...]:
    """The home first, then a folder per group by group id, then environments by namespace.

    A group that the values file does not declare, or that has no shared folder, adds nothing. Where people make
    environments of their own in conda-store, their namespace is there before anything was built in it: a running pod
    gets no further folders.

    Raises:
        Rejected: reason `identity`; a folder name that could lead to somebody else's files.
    """
    home = Mount(f"home/{_folder(identity.directory)}", identity.home)
    shared = tuple(
        Mount(f"shared/{_folder(group.directory)}", f"{config.storage.shared}/{group.directory}")
        for group in identity.groups
        if group.directory and (declared := config.groups.get(group.name)) and declared.shared_folder
    )
    environments = tuple(
        Mount(f"environments/{name}", f"{ENVIRONMENTS}/{name}", read_only=True)
        for name in sorted({*visible_namespaces(config, identity, catalogue), *_first(config, identity)})
    )
    return (home, *shared, *environments)


def _first(config: Config, identity: Identity) -> tuple[str, ...]:
    """The namespace that somebody may build in at any moment; none where people build nothing themselves."""
    if config.environments.provider != "conda-store":
        return ()
    own = user_namespace(identity.name)
    return (own,) if own in own_namespaces(config, identity) else ()


def shared_root(config: Config, mounts: tuple[Mount, ...]) -> str:
    """Where the group folders of these mounts lie; empty: there are none, so no link may point there."""
    return config.storage.shared if any(mount.source.startswith("shared/") for mount in mounts) else ""


def _folder(name: str) -> str:
    try:
        return check_part(name)
    except ValueError:
        # The identity database promises legal names; if it is damaged, nobody gets a path made of it.
        raise Rejected(
            "identity",
            "A folder of yours has a name that cannot be used, so nothing was started. "
            "Ask an administrator to look at the identity database.",
        ) from None

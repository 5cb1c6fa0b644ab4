"""QHub's part of conda-store in a release: beside its server and worker, in a container of the hub's image."""

import logging
from collections.abc import Callable

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.environments import open_to_all
from qhub_hub.conda_store.container import DATA, PORT, VALUES, MissingKey, base_path, key_here
from qhub_hub.conda_store.reconcile import Place, Reconciler
from qhub_hub.conda_store.rest import CondaStore
from qhub_hub.config.models import Config
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.conda_store import derived

_log = logging.getLogger("QHub.conda-store")


def reconciler_of(builds: Builds, config: Callable[[], Config]) -> Reconciler:
    """What orders declared environments of the conda-store in this pod, and publishes what it builds.

    Args:
        builds: the folder of all namespaces.
        config: gives the values in force.

    Raises:
        CommandError: its key is missing.
    """
    try:
        key = key_here("key")
    except MissingKey as missing:
        raise CommandError(str(missing)) from None
    rest = CondaStore(PORT, derived(key.encode(), "reconciler"), base_path())
    # All containers of the pod are one user, which owns everything here.
    place = Place(builds, VALUES, builds.root / DATA / "conda-store.sqlite", own_ids=False)
    return Reconciler(rest, place, config, open_to_all, _log)

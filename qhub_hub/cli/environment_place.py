"""Where `qhub env` works: in the state folder of one machine, or in the pod that builds for a cluster."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qhub_hub.cli.state import StateFolder, default_state

if TYPE_CHECKING:
    from qhub_hub.config.loading import Values
    from qhub_hub.environments.access import Access
    from qhub_hub.environments.builds import Builds
    from qhub_hub.environments.specification import Specification

FOLDER = "QHUB_ENVIRONMENTS_FOLDER"
"""Variable that the chart sets where it builds: the folder of all namespaces, at the path that people's pods see."""


@dataclass(frozen=True)
class Place:
    """What an action works on.

    Args:
        builds: all that was built.
        values: the values in force.
        state: of one machine; None: this is the pod that builds for a cluster.
    """

    builds: "Builds"
    values: "Values"
    state: StateFolder | None

    def access(self) -> "Callable[[str], Access]":
        """Says who may see a namespace, see `cli.environments`."""
        from qhub_hub.cli.environments import access_by, open_to_all
        from qhub_hub.cli.ids import open_store

        if self.state is None:
            return open_to_all
        config = self.values.qhub
        return access_by(lambda: config, open_store(self.state, config), os.geteuid() == 0)

    def wanted(self) -> "tuple[tuple[Specification, ...], tuple[str, ...]]":
        """What should be there, and what describes nothing; see `environments.reconcile`."""
        from qhub_hub.cli.environments import homes_in
        from qhub_hub.cli.ids import open_store
        from qhub_hub.environments.reconcile import wanted

        config = self.values.qhub
        if self.state is None or not self.state.identities.exists() or not config.environments.personal.enabled:
            return wanted(self.builds, config)
        homes = homes_in(self.state.files, open_store(self.state, config), os.geteuid() == 0)
        return wanted(self.builds, config, homes.wishes(config.environments))


def place_of(state: Path | None, values: list[Path]) -> Place:
    """Where to work.

    Args:
        state, values: as stated on the command line; neither: the pod's own where this is one, else this machine's.

    Raises:
        ConfigError: the values can't be used.
    """
    from qhub_hub.cli.environments import builds_in
    from qhub_hub.cli.release import QHUB_VALUES
    from qhub_hub.config import load_values
    from qhub_hub.environments.builds import Builds

    folder = os.environ.get(FOLDER)
    if folder and state is None and not values:
        # The chart has merged its defaults in.
        return Place(Builds(Path(folder)), load_values(QHUB_VALUES, defaults=False), None)
    own = StateFolder(state or default_state())
    files = values or [path for path in [own.path / "values.yaml"] if path.exists()]
    return Place(builds_in(own.files), load_values(*files), own)

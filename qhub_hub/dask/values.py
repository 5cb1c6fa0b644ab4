"""The values in force and the environments there are, for a gateway's process."""

from collections.abc import Callable
from logging import Logger

from qhub_hub.config import LiveConfig
from qhub_hub.config.loading import Values
from qhub_hub.config.models import Config
from qhub_hub.environments import Catalogue, KnownEnvironments


class GatewayValues:
    """What decisions are made from. Both parts are read anew when they change.

    Args:
        live: the values files.
        manifests: of the environments.
        fitted: what is made of values before they are used; on one machine, nodes get its size.
    """

    def __init__(
        self, live: LiveConfig, manifests: KnownEnvironments, fitted: Callable[[Values], Values] = lambda values: values
    ) -> None:
        self._live = live
        self._manifests = manifests
        self._fitted = fitted
        self._known: tuple[Values, Config] | None = None

    @property
    def config(self) -> Config:
        """The values in force."""
        values = self._live.current
        if self._known is None or self._known[0] is not values:
            self._known = (values, self._fitted(values).qhub)
        return self._known[1]

    @property
    def catalogue(self) -> Catalogue:
        """Environments on offer."""
        return self._manifests.read()

    def refresh(self, log: Logger) -> None:
        """Look whether the values files changed, and say in the log what came of it."""
        if not self._live.refresh():
            return
        if problems := self._live.problems:
            lines = "\n".join(map(str, problems))
            log.error("The values file is broken; the last good one stays in force:\n%s", lines)
        else:
            log.warning("The values file changed and is in force.")

"""A hub from the wiring files, run in this process; what goes wrong becomes a sentence."""

from typing import Any

from traitlets import TraitError
from traitlets.config import Config

from qhub_hub.cli.console import CommandError
from qhub_hub.hub.application import QHub
from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.planned import PlannedMixin
from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import UnusableConfiguration, run_config_d
from qhub_hub.installation import packaged


def configured_hub(site: Site, deployment: Deployment, logging: dict[str, Any] | None = None) -> tuple[QHub, Config]:
    """The hub, not started, and the configuration that the wiring files made.

    Args:
        logging: see `QHub.logging_config`.

    Raises:
        CommandError: the configuration can't be used, or would start servers without a plan.
    """
    c = Config()
    if logging:
        c.QHub.logging_config = logging
    try:
        run_config_d([packaged("jupyterhub_config.d")], c, site, deployment)
        hub = QHub.instance(config=c)
    except (UnusableConfiguration, TraitError) as error:
        raise CommandError(f"The hub's configuration can't be used: {error}") from error
    if not issubclass(hub.spawner_class, PlannedMixin):
        ours = "hub.local.QHubLocalSpawner" if site.machine else "hub.kube.QHubSpawner"
        raise CommandError(
            f"The values choose the spawner {hub.spawner_class.__name__}, which starts servers without a plan: without "
            "any limit, and not as their owners.\n"
            f"hint: remove JupyterHub.spawner_class, or name a subclass of qhub_hub.{ours}."
        )
    return hub, c


def run_until_stopped(hub: QHub, reason: str) -> None:
    """Run the hub in this process.

    Args:
        reason: where the reason stands when it can't start; completes "The hub could not start; ".

    Raises:
        CommandError: it could not start.
    """
    try:
        QHub.launch_instance()
    except SystemExit as ended:
        if isinstance(hub.failure, TraitError):
            raise CommandError(f"The hub's configuration can't be used: {hub.failure}") from hub.failure
        if ended.code:
            raise CommandError(f"The hub could not start; {reason}.") from hub.failure

"""`qhub hub`: the hub of a release on a cluster, in its pod."""

import logging
import os
import signal
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from traitlets import TraitError
from traitlets.config import Config

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.release import (
    QHUB_VALUES,
    ROOT,
    STATE,
    STORAGE_TOKEN,
    ReleaseSecrets,
    identities_url,
    read_cluster,
)
from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.hub.application import QHub
from qhub_hub.hub.deployment import Cluster
from qhub_hub.hub.folders import RemoteFolders
from qhub_hub.hub.planned import PlannedMixin
from qhub_hub.hub.sign_in import configure as configure_sign_in
from qhub_hub.hub.sign_in.refusals import SettingsError
from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import UnusableConfiguration, run_config_d
from qhub_hub.identity import IdentityError
from qhub_hub.identity.store import IdentityStore
from qhub_hub.installation import packaged
from qhub_hub.installation.imports import skip_slow_imports


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments; the defaults are where the chart mounts things."""
    parser.add_argument("--values", metavar="FILE", type=Path, default=QHUB_VALUES, help=f"default: {QHUB_VALUES}")
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        default=ROOT,
        help=f"folder of the hub's Secret and files; default: {ROOT}",
    )
    parser.add_argument("--state", metavar="DIR", type=Path, default=STATE, help=f"for databases; default: {STATE}")


def run(arguments: Namespace) -> int:
    """Run the hub until it is told to end."""
    skip_slow_imports()
    os.umask(0o077)  # its databases are nobody else's business, whoever owns the volume
    try:
        cluster = read_cluster(ReleaseSecrets(arguments.config), os.environ, arguments.state)
        site = _site(arguments, cluster)
        c = Config()
        run_config_d([packaged("jupyterhub_config.d")], c, site, cluster)
        hub = QHub.instance(config=c)
    except ConfigError as error:
        raise CommandError(f"The values can't be used:\n{error}") from error
    except (UnusableConfiguration, TraitError, IdentityError) as error:
        raise CommandError(f"The hub's configuration can't be used: {error}") from error
    if not issubclass(hub.spawner_class, PlannedMixin):
        raise CommandError(
            f"The values choose the spawner {hub.spawner_class.__name__}, which starts servers without a plan: without "
            "any limit and as whatever user its image names.\n"
            "hint: remove JupyterHub.spawner_class, or name a subclass of qhub_hub.hub.kube.QHubSpawner."
        )
    hub.on_ready = partial(_say, hub.log, site)
    hub.on_restart_needed = partial(_end_for_restart, hub.log, site, cluster)
    try:
        QHub.launch_instance()
    except SystemExit as ended:
        if isinstance(hub.failure, TraitError):
            raise CommandError(f"The hub's configuration can't be used: {hub.failure}") from hub.failure
        if ended.code:
            raise CommandError("The hub could not start; the reason stands above.") from hub.failure
    return 0


def _site(arguments: Namespace, cluster: Cluster) -> Site:
    # The chart has merged its defaults in: what an administrator took back with null must stay away.
    live = LiveConfig(arguments.values, defaults=False)
    identity = live.current.qhub.identity
    store = IdentityStore(
        identities_url(cluster, arguments.state),
        realm=identity.realm,
        user_ids=(identity.user_ids.first, identity.user_ids.last),
        group_ids=(identity.group_ids.first, identity.group_ids.last),
    )
    token = partial(ReleaseSecrets(arguments.config).require, STORAGE_TOKEN)
    return Site(live, store, RemoteFolders(cluster.storage_url, token, store))


def _say(log: logging.Logger, site: Site, found: list[str]) -> None:
    for sentence in (*found, *site.warnings):
        log.warning(sentence)
    log.info("%s is ready.", site.config.name)


def _end_for_restart(log: logging.Logger, site: Site, cluster: Cluster, keys: tuple[str, ...]) -> None:
    """End, so that Kubernetes starts a hub with the new values; unless that one could not start."""
    try:
        configure_sign_in(Config(), site, cluster)
    except SettingsError as error:
        log.error("%s changed, but can't be used, so the hub goes on as it was: %s", ", ".join(keys), error)
        return
    log.warning("%s changed, so the hub ends and is started anew; people's servers go on.", ", ".join(keys))
    os.kill(os.getpid(), signal.SIGTERM)

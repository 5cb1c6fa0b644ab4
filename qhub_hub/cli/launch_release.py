"""Runs the hub of a release in this process."""

import logging
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

from traitlets.config import Config

from qhub_hub.cli.configured_hub import configured_hub, run_until_stopped
from qhub_hub.cli.console import CommandError
from qhub_hub.cli.release import (
    STORAGE_TOKEN,
    ReleaseSecrets,
    conda_store,
    dask_gateway,
    identities_url,
    read_cluster,
)
from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.environments.remote import RemoteManifests
from qhub_hub.hub.deployment import Cluster
from qhub_hub.hub.folders import RemoteFolders
from qhub_hub.hub.sign_in import configure as configure_sign_in
from qhub_hub.hub.sign_in.refusals import SettingsError
from qhub_hub.hub.site import Site
from qhub_hub.identity import IdentityError
from qhub_hub.identity.store import IdentityStore
from qhub_hub.sessions.mounts import ENVIRONMENTS


def launch_release(values: Path, config: Path, state: Path) -> int:
    """Run the hub until it is told to end; returns the exit code.

    Args:
        values: file with the `qhub` section.
        config: folder with the chart's Secrets.
        state: folder for databases.

    Raises:
        CommandError: it could not start.
    """
    try:
        secrets = ReleaseSecrets(config)
        cluster = read_cluster(secrets, os.environ, state)
        site = _site(values, secrets, state, cluster)
        cluster = replace(
            cluster,
            dask=dask_gateway(site.live.current.dask_gateway, secrets),
            conda_store=conda_store(site.config.environments, cluster, secrets),
        )
    except ConfigError as error:
        raise CommandError(f"The values can't be used:\n{error}") from error
    except IdentityError as error:
        raise CommandError(str(error)) from error
    hub, _ = configured_hub(site, cluster)
    hub.on_ready = partial(_say, hub.log, site)
    hub.on_restart_needed = partial(_end_for_restart, hub.log, site, cluster)
    run_until_stopped(hub, "the reason stands above")
    return 0


def _site(values: Path, secrets: ReleaseSecrets, state: Path, cluster: Cluster) -> Site:
    # The chart has merged its defaults in: what an administrator took back with null must stay away.
    live = LiveConfig(values, defaults=False)
    store = IdentityStore.by(live.current.qhub.identity, identities_url(cluster, state))
    token = partial(secrets.require, STORAGE_TOKEN)
    manifests = RemoteManifests(cluster.storage_url, token, Path(ENVIRONMENTS))
    manifests.follow()
    return Site(live, store, RemoteFolders(cluster.storage_url, token, store), manifests=manifests)


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

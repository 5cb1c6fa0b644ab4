"""QHub inside somebody else's Zero to JupyterHub release: two lines of `hub.extraConfig`.

    from qhub_hub.hub.upstream import configure
    configure(c)

That chart has set up addresses, proxy, database and sign-in. What is added is the same wiring as in QHub's own chart:
the `qhub` section (in that chart's `custom.qhub`), identities, plans, pages, culling, revocation.
"""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

from jupyterhub.app import JupyterHub

from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.environments.remote import RemoteManifests
from qhub_hub.hub.application import follow
from qhub_hub.hub.folders import RemoteFolders
from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import UnusableConfiguration, run_config_d
from qhub_hub.identity.store import IdentityStore
from qhub_hub.installation import packaged
from qhub_hub.sessions.mounts import ENVIRONMENTS

VALUES = Path("/usr/local/etc/jupyterhub/secret/values.yaml")
STATE = Path("/srv/jupyterhub")

_CULLER = "jupyterhub-idle-culler"  # of that chart; it knows one limit for all servers


def configure(c: Any, values: Path = VALUES, state: Path = STATE) -> None:
    """Put QHub into the configuration of a hub that is being started.

    The storage service is found by the variables `QHUB_STORAGE_URL` and `QHUB_STORAGE_TOKEN_FILE`.

    Args:
        c: the configuration, as far as that chart has made it.
        values: its values; QHub's are below `custom`.
        state: folder for QHub's own databases.

    Raises:
        UnusableConfiguration: the values can't be used, or the storage service is not stated.
    """
    try:
        live = LiveConfig(values, inside=("custom",))
    except ConfigError as error:
        raise UnusableConfiguration(f"custom.qhub can't be used:\n{error}") from error
    store = IdentityStore.by(live.current.qhub.identity, f"sqlite:///{state}/identities.sqlite")
    storage = _variable("QHUB_STORAGE_URL")
    token = partial(_content, Path(_variable("QHUB_STORAGE_TOKEN_FILE")))
    manifests = RemoteManifests(storage, token, Path(ENVIRONMENTS))
    manifests.follow()
    site = Site(live, store, RemoteFolders(storage, token, store), manifests=manifests)
    services = c.JupyterHub.get("services") or []
    c.JupyterHub.services = [service for service in services if service.get("name") != _CULLER]
    roles = c.JupyterHub.get("load_roles") or []
    c.JupyterHub.load_roles = [role for role in roles if _CULLER not in role.get("services", ())]
    run_config_d([packaged("jupyterhub_config.d")], c, site, None)
    if JupyterHub.initialized():
        _followers.add(asyncio.get_running_loop().create_task(_follow_once_started(JupyterHub.instance())))


_followers: set[asyncio.Task[None]] = set()  # an event loop holds its tasks weakly


async def _follow_once_started(hub: Any) -> None:
    # JupyterHub has no hook for its end of the start (6.1); what it sets last is its server.
    while getattr(hub, "http_server", None) is None:  # noqa: ASYNC110 - nobody would set an event
        await asyncio.sleep(0.1)
    follow(hub)


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _variable(name: str) -> str:
    if found := os.environ.get(name):
        return found
    raise UnusableConfiguration(
        f"The variable {name} is not set, so nobody can make people's folders. Install the storage service and name it "
        "in hub.extraEnv: docs/guides/zero-to-jupyterhub.md."
    )

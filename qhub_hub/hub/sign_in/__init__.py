"""Ways to sign in, a file each; only the chosen one is loaded."""

from importlib import import_module
from typing import Any

from qhub_hub.hub.deployment import Deployment
from qhub_hub.hub.site import Site

__all__ = ["configure"]


def configure(c: Any, site: Site, deployment: Deployment | None) -> None:
    """Put `qhub.signIn` of the values file into the hub's configuration.

    Args:
        c: the configuration.
        deployment: where the hub runs; None: in a deployment of somebody else's.

    Raises:
        SettingsError: it can't be used, with a sentence.
    """
    rule = site.config.sign_in
    chosen = import_module(f"{__name__}.{rule.provider.replace('-', '_')}")
    # The values file is asked, see `Admission.check_allowed`; JupyterHub would warn that nobody may come.
    c.Authenticator.any_allow_config = True
    chosen.configure(c, rule, site, deployment)

"""Ways to sign in, a file each; only the chosen one is loaded."""

from importlib import import_module
from typing import Any

from qhub_hub.hub.site import Site
from qhub_hub.hub.wiring import OneMachine

__all__ = ["configure"]

_FILES = {"shared-password": "one_machine"}


def configure(c: Any, site: Site, machine: OneMachine | None) -> None:
    """Put `qhub.signIn` of the values file into the hub's configuration.

    Args:
        c: the configuration.
        machine: what one machine knows; None: on a cluster.

    Raises:
        SettingsError: it can't be used, with a sentence.
    """
    rule = site.config.sign_in
    chosen = import_module(f"{__name__}.{_FILES.get(rule.provider, rule.provider)}")
    # The values file is asked, see `Admission.check_allowed`; JupyterHub would warn that nobody may come.
    c.Authenticator.any_allow_config = True
    chosen.configure(c, rule, site, machine)

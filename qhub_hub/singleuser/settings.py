"""The server's settings: what the administrator's rules demand, and defaults that the person may change."""

import logging
from collections.abc import Mapping
from pathlib import Path

from traitlets.config import Config

_SOONEST, _LATEST = 5, 300  # seconds between two looks for something idle
_TOLD_TO_THE_PAGE = {"QHUB_NAMES_NOTICE": "qhubNotice", "QHUB_ENVIRONMENTS_PAGE": "qhubEnvironmentsPage"}

log = logging.getLogger(__name__)


def rules(env: Mapping[str, str]) -> Config:
    """Stopping what is idle, as the hub resolved it for this person. Stands above the person's own
    configuration.

    Args:
        env: `QHUB_KERNEL_IDLE`, `QHUB_TERMINAL_IDLE` and `QHUB_IDLE`, seconds; 0 or unset: QHub stops
            nothing, and the person's own configuration counts.
    """
    config = Config()
    if kernels := _seconds(env, "QHUB_KERNEL_IDLE"):
        config.MappingKernelManager.cull_idle_timeout = kernels
        config.MappingKernelManager.cull_interval = _interval(kernels)
        # An open browser tab keeps a kernel connected for days; only work counts.
        config.MappingKernelManager.cull_connected = True
        config.MappingKernelManager.cull_busy = False
    if terminals := _seconds(env, "QHUB_TERMINAL_IDLE"):
        config.TerminalManager.cull_inactive_timeout = terminals
        config.TerminalManager.cull_interval = _interval(terminals)
    if idle := _seconds(env, "QHUB_IDLE"):
        # The hub's culler comes first; this is for the time that the hub is down.
        config.ServerApp.shutdown_no_activity_timeout = idle + max(idle // 10, 2 * _LATEST)
        # The hub must hear of work before it calls the server idle; it is told every five minutes otherwise.
        config.JupyterHubSingleUser.hub_activity_interval = _interval(idle)
    return config


def defaults(env: Mapping[str, str]) -> Config:
    """What is different from JupyterLab's own defaults: no request leaves for the internet.

    Args:
        env: `SHELL` is for terminals. The page is told a sentence, `QHUB_NAMES_NOTICE`, as `qhubNotice`, and the path
            of the page where people make environments, `QHUB_ENVIRONMENTS_PAGE`, as `qhubEnvironmentsPage`; unset:
            there is none.
    """
    config = Config()
    # The manager asks PyPI, and installs into an environment that is not the person's.
    config.LabApp.extension_manager = "readonly"
    config.LabApp.news_url = None
    config.LabApp.extra_labextensions_path = [str(Path(__file__).with_name("jupyter") / "labextensions")]
    config.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    # Not a login shell: /etc/profile would set another PATH, and `python` would not be the notebook's any more.
    config.ServerApp.terminado_settings = {"shell_command": [env["SHELL"]]}
    config.TerminalsExtensionApp.terminal_manager_class = "qhub_hub.singleuser.terminals.Terminals"
    config.ServerApp.kernel_spec_manager_class = "qhub_hub.singleuser.kernels.EnvironmentKernels"
    told = {option: env[name] for name, option in _TOLD_TO_THE_PAGE.items() if env.get(name)}
    if told:
        config.ServerApp.tornado_settings = {"page_config_data": told}
    return config


def _seconds(env: Mapping[str, str], name: str) -> int:
    text = env.get(name, "")
    if not text or (text.isascii() and text.isdecimal()):
        return int(text or 0)
    log.warning("%s is %r, which is not a number of seconds; nothing is stopped by it.", name, text)
    return 0


def _interval(timeout: int) -> int:
    """Look four times per timeout, so that nothing outlives it by more than a quarter."""
    return min(max(timeout // 4, _SOONEST), _LATEST)

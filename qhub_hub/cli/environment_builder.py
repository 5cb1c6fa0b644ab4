"""`qhub env serve`: the builder of a cluster, in a pod of its own."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.environment_place import FOLDER
from qhub_hub.cli.environments import LOOK_EVERY, Looking, look, open_to_all
from qhub_hub.cli.release import QHUB_VALUES
from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.config.models import Config
from qhub_hub.environments.access import wait_until_owned
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.reconcile import Reconciler

_log = logging.getLogger("QHub.environments")


def serve() -> int:
    """Build what is wanted until told to end; returns the exit code.

    A build that is under way then is ended with all its programs, and begun anew at the next start.

    Raises:
        CommandError: this is no pod of the chart, or the values can't be used.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        raise CommandError(
            f"The variable {FOLDER} is not set, so this is no pod of QHub's chart.\n"
            "hint: on one machine, `qhub up` builds environments, and `qhub env build` does so now."
        )
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="[%(levelname).1s %(asctime)s] %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        live = LiveConfig(QHUB_VALUES, defaults=False)
    except ConfigError as error:
        raise CommandError(f"The values can't be used:\n{error}") from error
    builds = Builds(Path(folder))
    wait_until_owned(builds.root, _log)

    def config() -> Config:
        _follow(live)
        return live.current.qhub

    reconciler = _reconciler(builds, config)
    while True:
        look(reconciler)
        time.sleep(LOOK_EVERY)


def _reconciler(builds: Builds, config: Callable[[], Config]) -> Looking:
    """What is asked to look at everything again and again, for as long as the pod is there."""
    if config().environments.provider == "conda-store":
        from qhub_hub.cli.conda_store_release import reconciler_of

        _log.info("conda-store builds environments in %s.", builds.root)
        return reconciler_of(builds, config)
    _log.info("Builds environments in %s.", builds.root)
    return Reconciler(builds, config, open_to_all, _log)


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _follow(live: LiveConfig) -> None:
    if live.refresh():
        if live.problems:
            _log.error("The values are broken; the last good ones stay:\n%s", "\n".join(map(str, live.problems)))
        else:
            _log.info("The values changed and are in force.")

"""`qhub env serve`: the builder of a cluster, in a pod of its own."""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from qhub_hub.cli.console import CommandError
from qhub_hub.cli.environment_place import FOLDER
from qhub_hub.cli.environments import LOOK_EVERY, look, open_to_all
from qhub_hub.cli.release import QHUB_VALUES
from qhub_hub.config import ConfigError, LiveConfig
from qhub_hub.config.models import Config
from qhub_hub.environments.builds import Builds
from qhub_hub.environments.reconcile import Reconciler

_SAY_AGAIN = 60.0  # seconds between two words about a folder that can't be written to
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
    if live.current.qhub.environments.provider != "builtin":
        raise CommandError(
            "qhub.environments.provider: conda-store builds environments on one machine only. Allowed here: builtin."
        )
    builds = Builds(Path(folder))
    _wait_until_owned(builds.root)
    _log.info("Builds environments in %s.", builds.root)

    def config() -> Config:
        _follow(live)
        return live.current.qhub

    reconciler = Reconciler(builds, config, open_to_all, _log)
    while True:
        look(reconciler)
        time.sleep(LOOK_EVERY)


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _wait_until_owned(folder: Path) -> None:
    # Writable is not enough: where the kubelet was faster than the storage service, it may be so for everybody.
    said = -_SAY_AGAIN
    while folder.stat().st_uid != os.geteuid():
        if time.monotonic() > said + _SAY_AGAIN:
            said = time.monotonic()
            _log.warning(
                "%s is not ours yet. The storage service (component=storage) gives it to this user, %s, when "
                "it starts; its log says what keeps it from that.",
                folder,
                os.geteuid(),
            )
        time.sleep(1)


def _follow(live: LiveConfig) -> None:
    if live.refresh():
        if live.problems:
            _log.error("The values are broken; the last good ones stay:\n%s", "\n".join(map(str, live.problems)))
        else:
            _log.info("The values changed and are in force.")

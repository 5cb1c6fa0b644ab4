"""The culler's own process: jupyterhub-idle-culler, which asks our arbiter. `python -m qhub_hub.hub.culler`."""

import signal
import sys


def main(argv: list[str]) -> None:
    """Run until the hub ends it.

    Args:
        argv: arguments of `jupyterhub-idle-culler`.
    """
    # First of all: the hub ends its services with SIGINT, and Python would print where it was just then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from jupyterhub_idle_culler import IdleCuller
    from traitlets.config import Config

    from qhub_hub.hub.culling import arbiter

    config = Config()
    config.IdleCuller.cull_arbiter_hook = arbiter
    config.IdleCuller.config_file = ""
    config.IdleCuller.log_level = "ERROR"  # what it stops is in the hub's log
    IdleCuller.launch_instance(argv, config=config)


if __name__ == "__main__":
    main(sys.argv[1:])

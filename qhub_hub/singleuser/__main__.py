"""The entry that every server runs, on one machine and in pods."""

import logging
import os
import signal
import sys

from qhub_hub.installation.imports import without_collections
from qhub_hub.singleuser.dask import lead_panel, mend_client
from qhub_hub.singleuser.imports import skip_wasted_work
from qhub_hub.singleuser.names import Names
from qhub_hub.singleuser.person import add_lab_settings, link_shared_folders, set_person, set_umask

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    """Set umask, person, shared folders and names right, then be the single-user server until it is stopped.

    Args:
        argv: arguments of `jupyterhub-singleuser`; None: the process's own.
    """
    logging.basicConfig(format="[%(levelname).1s %(asctime)s QHub] %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    # Under `nohup qhub up` it is ignored, and so it would be by every shell and job: closed terminals would go on.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    set_umask(os.environ)
    set_person(os.environ)
    add_lab_settings(os.environ)
    link_shared_folders(os.environ)
    mend_client(os.environ)
    lead_panel(os.environ)
    # A child asks the name library while this process imports JupyterLab: the answer costs no time.
    names = Names(os.environ)
    with without_collections():
        skip_wasted_work()
        from qhub_hub.singleuser.application import launch
    notice = names.give_to_children(os.environ)
    if notice:
        log.warning(notice)
    launch(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    main()

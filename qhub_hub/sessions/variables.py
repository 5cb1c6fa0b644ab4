"""Environment variables of a server. No secrets: whoever may see the plan may see them."""

import math

from qhub_hub.identity.model import Identity
from qhub_hub.sessions.idle import IdlePolicy
from qhub_hub.sessions.mounts import ENVIRONMENTS
from qhub_hub.sessions.sizes import Hardware

# Files made in a group's folder must be writable by the group (facts/identity-storage.md §5); a home is 0700.
UMASK = 0o002


def hints(hardware: Hardware) -> dict[str, str]:
    """Advice to libraries, which a profile's own variables may override.

    Numeric libraries start a thread per core of the *node*: 64 threads on a limit of two cores spend their
    time waiting for each other. OpenMP's variable is the one that most of them read.
    The limits themselves reach programs as JupyterHub's own CPU_LIMIT and MEM_LIMIT.
    """
    if hardware.cpu.limit is None:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, math.ceil(hardware.cpu.limit)))}


def fixed(identity: Identity, profile: str, idle: IdlePolicy, shared: str) -> dict[str, str]:
    """What QHub itself states and no profile overrides: who you are, and the rules that hold inside.

    Args:
        profile: key of the profile.
        shared: folder of the group folders; empty: this person has none.
    """
    variables = {
        "HOME": identity.home,
        "USER": identity.posix,
        "LOGNAME": identity.posix,
        "SHELL": identity.shell,
        "QHUB_UMASK": f"{UMASK:04o}",
        "NB_UMASK": f"{UMASK:03o}",  # the name that images of the Jupyter docker-stacks read
        "QHUB_PROFILE": profile,
        "QHUB_IDLE": str(idle.idle),
        "QHUB_MAX_AGE": str(idle.max_age),
        "QHUB_WARNING": str(idle.warning),
        "QHUB_KERNEL_IDLE": str(idle.kernel_idle),
        "QHUB_TERMINAL_IDLE": str(idle.terminal_idle),
    }
    if idle.idle:
        # How often a server reports that a kernel works; JupyterHub's 300 s are too late for a shorter limit.
        variables["JUPYTERHUB_ACTIVITY_INTERVAL"] = str(max(1, min(300, idle.idle // 2)))
    if shared:
        variables["QHUB_SHARED"] = shared
    return variables


def environment_folders(namespaces: tuple[str, ...], chosen: str) -> dict[str, str]:
    """Where a server finds the environments that its owner may use, whether built already or later.

    Args:
        chosen: `<namespace>/<name>` of the one whose kernel is the first; empty: none.
    """
    folders = {"QHUB_ENVIRONMENTS": ":".join(f"{ENVIRONMENTS}/{name}" for name in namespaces)}
    return folders | ({"QHUB_ENVIRONMENT": chosen} if chosen else {})

"""A plan as a process of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from qhub_hub.sessions.plan import Plan
from qhub_hub.sessions.variables import UMASK
from qhub_hub.storage.layout import home_path

PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where a machine keeps its programs."""


@dataclass(frozen=True, slots=True)
class Process:
    """What to start and as whom. The hub adds its own variables (addresses, token) to `env`.

    Args:
        argv: command and arguments.
        env: environment variables.
        uid, gid, gids: numeric ids; `gids` are the supplementary groups.
        umask: permission bits that new files do not get.
        cwd: the person's home.
        memory_limit: bytes; None: no limit.
        cpu_limit: cores; None: no limit.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    uid: int
    gid: int
    gids: tuple[int, ...]
    umask: int
    cwd: Path
    memory_limit: int | None
    cpu_limit: float | None


def to_process(plan: Plan, *, root: Path, python: str) -> Process:
    """Translate a plan; nothing is decided here.

    A process sees the machine's own paths, so what the plan says about paths inside a container is replaced.

    Args:
        root: root of the share on this machine, absolute.
        python: interpreter that has QHub installed.
    """
    home = home_path(root, plan.identity)
    # The interpreter's own folder first: `python` and `pip` in a terminal are those of the notebook.
    env = {"PATH": f"{Path(python).parent}:{PATH}", **plan.env, "HOME": str(home)}
    if "QHUB_SHARED" in env:
        env["QHUB_SHARED"] = str(root / "shared")
    folders = env["QHUB_ENVIRONMENTS"].split(":")
    env["QHUB_ENVIRONMENTS"] = ":".join(str(root / "environments" / Path(folder).name) for folder in folders)
    limit = plan.memory.limit
    return Process(
        # -P: a json.py in somebody's home must not keep their server from starting.
        argv=plan.command or (python, "-P", "-m", "qhub_hub.singleuser"),
        env=MappingProxyType(env),
        uid=plan.identity.uid,
        gid=plan.identity.gid,
        gids=plan.identity.gids,
        umask=UMASK,
        cwd=home,
        memory_limit=None if limit is None else int(limit),
        cpu_limit=plan.cpu.limit,
    )

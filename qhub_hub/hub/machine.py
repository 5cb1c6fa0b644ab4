"""The one machine that every node group is, outside Kubernetes."""

from dataclasses import dataclass
from pathlib import Path

from qhub_hub.hub.names_files import write_names
from qhub_hub.hub.resource_limits import Limiter
from qhub_hub.identity import Identity, View, render_group, render_passwd


@dataclass(frozen=True)
class Machine:
    """Where servers run as processes.

    Args:
        cpu: cores.
        memory: bytes.
        own_ids: whether servers run as their owner; only root can arrange that.
        files: root of homes and shared folders.
        names: folder of people's passwd and group files.
        logs: folder of servers' output.
        limiter: how servers are held to their plan.
        mark: begins the mark of every process of this hub; another one for every state folder.
        notices: what is not as it should be, as sentences for administrators.
    """

    cpu: float
    memory: int
    own_ids: bool
    files: Path
    names: Path
    logs: Path
    limiter: Limiter
    mark: str
    notices: tuple[str, ...] = ()

    def write_names(self, identity: Identity, view: View) -> None:
        """Write the files that this person's servers resolve names with; running servers see the new ones at once.

        Does nothing where all servers run as the user who started QHub: the machine's own names are the true ones.
        """
        if self.own_ids:
            write_names(self.names / identity.directory, identity.gid, render_passwd(view), render_group(view))

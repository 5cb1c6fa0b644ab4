"""Terminals that are gone when they were closed, with what their shells had started."""

import os
import signal
from contextlib import suppress

from jupyter_server_terminals.terminalmanager import TerminalManager

from qhub_hub.singleuser.jobs import in_session


class Terminals(TerminalManager):
    """Jupyter Server's terminals (jupyter_server_terminals 0.5), whose jobs end with them."""

    async def terminate(self, name: str, force: bool = False) -> None:
        """Close a terminal.

        Args:
            name: its number, as text.
            force: whether a shell that does not want to end is killed, and jobs that it would not tell are told.
        """
        self._check_terminal(name)
        shell = self.terminals[name].ptyproc.pid
        await super().terminate(name, force=force)
        if force:
            # A shell tells its jobs to end, but has a tenth of a second to do so before it is killed, too little on a
            # busy machine. A job that was not told would hold the terminal open for ever, and stay on people's lists.
            for number in in_session(shell):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGHUP)

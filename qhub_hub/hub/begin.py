"""Run by path in a process of its own: waits for a word from the hub, limits itself, and becomes a server.

    python -I -S begin.py LIMITS COMMAND [ARGUMENT …]

`LIMITS` is `<number>=<amount>,…` with the system's numbers of resource limits. The process sets them itself, because
setting those of another user's process is more than root may do in most containers (CAP_SYS_RESOURCE).
Nothing but the standard library is imported, so no file of the server's owner is read.
"""

import os
import resource
import sys


def main(limits: str, command: list[str]) -> int:
    """Wait, limit, become; returns only when the command can't be run.

    Returns:
        1: the hub is gone or gave up; 126: the command can't be run, as shells say it.
    """
    if sys.stdin.readline() != "go\n":
        return 1
    for limit in filter(None, limits.split(",")):
        kind, amount = map(int, limit.split("="))
        hard = resource.getrlimit(kind)[1]
        # A lower one that holds already can't be raised.
        lowest = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(kind, (lowest, lowest))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        os.execvp(command[0], command)  # noqa: S606 - there is no shell to be had here
    except OSError as error:
        print(f"{command[0]} can't be run: {error.strerror}", file=sys.stderr)
        return 126


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

"""First process of a pod on this machine: runs the pod's command, and takes everything along when it ends.

Started as `python pod_init.py PARENT COMMAND…`. Like the first process of a container: what it started, and what that
started, ends with it, also where it moved to a session of its own. SIGTERM goes on to the command. SIGHUP ends all at
once; the kernel sends it when the process PARENT is gone, killed by whatever signal.

Linux only, standard library only, and small: it starts once for every pod.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listed:
            return [int(pid) for pid in listed.read().split()]
    except OSError:  # a kernel without this file
        return []


def _end_all() -> None:
    # As the subreaper, this process inherits the children of each that dies: go on until there are none.
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _hang_up(*_: object) -> None:
    _end_all()
    os._exit(128 + signal.SIGKILL)


def _become(prctl: "ctypes._NamedFuncPointer", command: list[str]) -> None:
    # If this first process is killed, nothing of the pod may stay.
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - a pod's command is a list already
    except OSError as error:
        print(f"{command[0]} cannot be started: {os.strerror(error.errno or 0)}", file=sys.stderr, flush=True)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def main() -> int:
    """Run the command; returns its exit code, as a shell would."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGHUP, _hang_up)
    prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    if os.getppid() != parent:
        return 128 + signal.SIGKILL  # it went while this process started
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _become(prctl, command)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            break
    _end_all()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

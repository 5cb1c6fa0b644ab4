"""The surroundings of a person's programs: umask, HOME and friends, and the way to the shared folders."""

import logging
import os
import pwd
from collections.abc import Mapping, MutableMapping
from pathlib import Path

UMASK = 0o002  # files made in a group's folder can be written by the group; the home itself is 0700
_SHELLS = ("/bin/bash", "/bin/sh")

log = logging.getLogger(__name__)


def set_umask(env: Mapping[str, str]) -> None:
    """Set the umask of this process and all its children: `QHUB_UMASK` (octal), else 0002."""
    text = env.get("QHUB_UMASK", "")
    try:
        umask = int(text, 8) if text else UMASK
        if not 0 <= umask <= 0o777:
            raise ValueError
    except ValueError:
        log.warning(
            "QHUB_UMASK is %r, which is not an octal number from 0000 to 0777; 0002 is used. Ask your "
            "administrator to correct it.",
            text,
        )
        umask = UMASK
    os.umask(umask)


def set_person(env: MutableMapping[str, str]) -> None:
    """Fill in USER, LOGNAME, HOME and SHELL where the spawner left them out; a shell that can't run goes."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        entry = None  # the usual case where names come from nss_wrapper, which this process does not load
    name = env.get("USER") or (entry.pw_name if entry else "") or env.get("JUPYTERHUB_USER", "")
    if name:
        env["USER"] = env["LOGNAME"] = name
    env["HOME"] = env.get("HOME") or (entry.pw_dir if entry else "") or str(Path.cwd())
    shells = (env.get("SHELL", ""), entry.pw_shell if entry else "", *_SHELLS)
    env["SHELL"] = next((shell for shell in shells if shell and os.access(shell, os.X_OK)), _SHELLS[-1])


def add_lab_settings(env: MutableMapping[str, str]) -> None:
    """Let JupyterLab start without asking whether it may fetch news; people can still turn that on."""
    folders = (str(Path(__file__).with_name("jupyter")), env.get("JUPYTER_CONFIG_PATH", ""))
    env["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, folders))


def link_shared_folders(env: Mapping[str, str]) -> None:
    """Let `~/shared` lead to `QHUB_SHARED`, the folder of the group folders.

    Made when absent. A link that leads nowhere is re-pointed if an earlier start made it, that is if it
    points to a path ending in `/shared`. Whatever else has that name is the person's and stays.
    """
    target = env.get("QHUB_SHARED", "")
    if not target or not env.get("HOME"):
        return
    link = Path(env["HOME"], "shared")
    try:
        if link.is_symlink():
            if link.exists() or not str(link.readlink()).endswith("/shared"):
                return
            link.unlink()
        elif link.exists():
            return
        link.symlink_to(target)
    except OSError as error:
        log.warning("%s could not be linked to the shared folders (%s); they are at %s.", link, error.strerror, target)

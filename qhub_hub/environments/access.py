"""Who may enter a namespace's folder, by the kernel's own rules: groups of the file system."""

import errno
import os
import struct
import time
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from stat import S_IMODE

BUILDER = 65533
"""User id that builds run as where root starts them, and that owns what they install.

Nobody signs in with it: Debian's policy reserves it, and QHub's own numbers are elsewhere. Not `nobody`, as which other
programs run that must not be able to change an environment.
"""

_ACL, _ACL_VERSION = "system.posix_acl_access", 2
_OWNER, _OWNING_GROUP, _NAMED_GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_READ, _ALL, _UNNAMED = 5, 7, 0xFFFFFFFF
_SAY_AGAIN = 60.0  # seconds between two words about a folder that can't be written to


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read the environments of a namespace.

    Args:
        everybody: no group is asked for.
        gids: numeric ids of the groups that may; none of them and not everybody: nobody but root.
        own_ids: whether folders get owners at all; only root can arrange that.
    """

    everybody: bool
    gids: tuple[int, ...] = ()
    own_ids: bool = False


def open_to(folder: Path, access: Access) -> None:
    """Let these people, and only these, into a folder that belongs to whoever runs this.

    Raises:
        OSError: the file system can't do that; then nobody else may enter.
    """
    gid, mode, entries = _wanted(access)
    state = folder.stat()
    if (state.st_gid if gid is None else gid, mode) == (state.st_gid, S_IMODE(state.st_mode)) and _list(
        folder
    ) == entries:
        return  # not closed for a moment: kernels run from it
    folder.chmod(0o700)
    _remove_list(folder)
    if gid is not None:
        os.chown(folder, -1, gid)
    if entries:
        os.setxattr(folder, _ACL, entries, follow_symlinks=False)
    else:
        folder.chmod(mode)


def _wanted(access: Access) -> tuple[int | None, int, bytes]:
    """Group (None: whichever), mode and access control list of a folder. With a list, the mode shows its mask."""
    if not access.own_ids:
        return None, 0o755, b""
    if access.everybody:
        return 0, 0o755, b""
    if len(access.gids) == 1:
        return access.gids[0], 0o750, b""
    return 0, 0o750 if access.gids else 0o700, _acl(access.gids) if access.gids else b""


def _list(folder: Path) -> bytes:
    try:
        return os.getxattr(folder, _ACL, follow_symlinks=False)
    except OSError:
        return b""


def _remove_list(folder: Path) -> None:
    """Groups of a list from before would still be let in, or keep others out."""
    try:
        os.removexattr(folder, _ACL, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise


def _acl(gids: tuple[int, ...]) -> bytes:
    """POSIX 1003.1e's list as Linux stores it (linux/posix_acl_xattr.h): several groups may read one folder."""
    entries = [
        (_OWNER, _ALL, _UNNAMED),
        (_OWNING_GROUP, 0, _UNNAMED),
        *((_NAMED_GROUP, _READ, gid) for gid in sorted(gids)),
        (_MASK, _READ, _UNNAMED),
        (_OTHERS, 0, _UNNAMED),
    ]
    return struct.pack("<I", _ACL_VERSION) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def wait_until_owned(folder: Path, log: Logger) -> None:
    """Until the storage service of a cluster has given a folder of the share to this user."""
    # Writable is not enough: where the kubelet was faster than the storage service, it may be so for everybody.
    said = -_SAY_AGAIN
    while folder.stat().st_uid != os.geteuid():
        if time.monotonic() > said + _SAY_AGAIN:
            said = time.monotonic()
            log.warning(
                "%s is not ours yet. The storage service (component=storage) gives it to this user, %s, when "
                "it starts; its log says what keeps it from that.",
                folder,
                os.geteuid(),
            )
        time.sleep(1)

"""libnss_wrapper itself, through cffi. Only ever in a short-lived child process: see `nss.check`.

The library keeps its files in glibc's process-wide hash table: a second copy in one process calls `exit()`
and then hangs in its own destructor (facts/identity-storage.md §2). Hence one instance per process, and never
the hub's.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qhub_hub.identity._nss_abi import ffi
from qhub_hub.identity.entries import GroupEntry, PasswdEntry
from qhub_hub.identity.errors import NamesUnavailable

_LARGEST_ENTRY = 1 << 26  # bytes; a group of 10,000 members needs under 1 MiB


class NssWrapper:
    """Looks names up in a passwd and a group file as a program under nss_wrapper would.

    Args:
        library: libnss_wrapper.so.
        passwd, group: the files.

    Raises:
        NamesUnavailable: this process has the library already, or it can't be loaded, or is not in force.
    """

    def __init__(self, library: Path, passwd: Path, group: Path) -> None:
        # The process's own memory map is the only place that also knows of a copy that LD_PRELOAD brought.
        if "libnss_wrapper" in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace"):
            raise NamesUnavailable("This process has loaded libnss_wrapper already; a second copy would hang it.")
        # Read once, by the library's first call. Both must be set, or it stays off without a word.
        os.environ["NSS_WRAPPER_PASSWD"] = str(passwd)
        os.environ["NSS_WRAPPER_GROUP"] = str(group)
        try:
            self._library = ffi.dlopen(str(library), ffi.RTLD_NOW | ffi.RTLD_LOCAL)
        except OSError as error:
            raise NamesUnavailable(f"{library} can't be loaded; install the distribution's libnss-wrapper.") from error
        if not self._library.nss_wrapper_enabled():
            raise NamesUnavailable(f"{library} is not in force: {passwd} or {group} can't be read.")

    def user_by_name(self, name: str) -> PasswdEntry | None:
        """`getpwnam`."""
        return self._passwd(self._library.getpwnam_r, name.encode())

    def user_by_uid(self, uid: int) -> PasswdEntry | None:
        """`getpwuid`."""
        return self._passwd(self._library.getpwuid_r, uid)

    def group_by_name(self, name: str) -> GroupEntry | None:
        """`getgrnam`."""
        return self._group(self._library.getgrnam_r, name.encode())

    def group_by_gid(self, gid: int) -> GroupEntry | None:
        """`getgrgid`."""
        return self._group(self._library.getgrgid_r, gid)

    def groups_of(self, name: str, gid: int) -> tuple[int, ...]:
        """`getgrouplist`: ids of all groups, the given private one included, ascending."""
        room = 64
        while True:
            ids, count = ffi.new("gid_t[]", room), ffi.new("int *", room)
            if self._library.getgrouplist(name.encode(), gid, ids, count) >= 0:
                return tuple(sorted(set(ids[0 : count[0]])))
            room = max(count[0], room * 2)

    def enter_groups(self, name: str, gid: int) -> tuple[int, ...]:
        """`initgroups`: this process now has that person's groups; what the kernel says of them, ascending.

        Raises:
            PermissionError: not root.
        """
        if self._library.initgroups(name.encode(), gid):
            raise PermissionError(ffi.errno, "initgroups needs root")
        return tuple(sorted(set(os.getgroups())))

    def _passwd(self, function: Callable[..., int], key: object) -> PasswdEntry | None:
        entry, _keep = _looked_up(function, key, "struct passwd")
        if entry is None:
            return None
        home, shell = _text(entry.pw_dir), _text(entry.pw_shell)
        return PasswdEntry(_text(entry.pw_name), entry.pw_uid, entry.pw_gid, _text(entry.pw_gecos), home, shell)

    def _group(self, function: Callable[..., int], key: object) -> GroupEntry | None:
        entry, _keep = _looked_up(function, key, "struct group")
        if entry is None:
            return None
        members: list[str] = []
        while entry.gr_mem[len(members)] != ffi.NULL:
            members.append(_text(entry.gr_mem[len(members)]))
        return GroupEntry(_text(entry.gr_name), entry.gr_gid, tuple(members))


def _looked_up(function: Callable[..., int], key: object, struct: str) -> tuple[Any, Any]:
    """The struct that a `get…_r` function filled, or None; and the memory that its strings lie in."""
    size = 4096
    while size <= _LARGEST_ENTRY:
        entry, buffer, result = ffi.new(f"{struct} *"), ffi.new("char[]", size), ffi.new(f"{struct} **")
        code = function(key, entry, buffer, size, result)
        if code == -1:
            code = ffi.errno  # groups only: the library returns -1 where glibc returns the error itself
        if code != errno.ERANGE:
            return (entry if result[0] != ffi.NULL else None), buffer
        size *= 4
    raise NamesUnavailable(f"An entry is larger than {_LARGEST_ENTRY} bytes.")


def _text(pointer: Any) -> str:
    return str(ffi.string(pointer).decode())

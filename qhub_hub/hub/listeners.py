"""Who listens on a port of this machine: a server that answers is not always the one that was started."""

from pathlib import Path

TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_LISTENING = "0A"
_HERE = {
    "0100007F",  # 127.0.0.1, and next every address; then the same in the table for IPv6
    "00000000",
    "0" * 32,
    "0000000000000000FFFF00000100007F",
}


def listening_users(port: int, tables: tuple[Path, ...] = TABLES) -> frozenset[int]:
    """User ids of those who get connections to this port of 127.0.0.1; empty: nobody listens.

    Source: proc_net_tcp.rst of the kernel's documentation; addresses are in the byte order of the machine, which is
    little-endian on amd64 and arm64.
    """
    found = set()
    for table in tables:
        if not table.exists():  # a kernel without IPv6
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            address, _, local_port = fields[1].partition(":")
            if fields[3] == _LISTENING and int(local_port, 16) == port and address in _HERE:
                found.add(int(fields[7]))
    return frozenset(found)

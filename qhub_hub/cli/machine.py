"""How large this machine is."""

import os


def own_cores() -> float:
    """Cores that this process may run on."""
    return float(len(os.sched_getaffinity(0)))


def own_memory() -> int:
    """Bytes of physical memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

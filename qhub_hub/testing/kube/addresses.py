"""Addresses for pods on this machine: each its own, so that all may listen on the same port.

On Linux every address of 127.0.0.0/8 belongs to the loopback device. A fake cluster takes one block of 65,000 of them,
and no other fake on the machine, in whichever process, gets the same one.
"""

import errno
import itertools
import random
import socket
from collections.abc import Iterator

_BLOCKS = range(64, 255)  # below it, people and distributions use some addresses: 127.0.1.1, 127.0.0.53


class AddressBlock:
    """A block of loopback addresses that is this object's until it is closed, or its process ends in any way.

    Raises:
        OSError: all blocks are taken.
    """

    def __init__(self) -> None:
        self._claim, self._number = _claim()
        self._addresses = self._all()

    def _all(self) -> Iterator[str]:
        for third, fourth in itertools.product(range(256), range(1, 255)):
            yield f"127.{self._number}.{third}.{fourth}"

    def next(self) -> str:
        """An address that was not given out before."""
        return next(self._addresses)

    def close(self) -> None:
        """Give the block back."""
        self._claim.close()


def _claim() -> tuple[socket.socket, int]:
    # An abstract socket's name can be bound once in a network namespace, and ends with the process that has it.
    for number in random.sample(_BLOCKS, len(_BLOCKS)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0qhub-fake-kube-127.{number}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return claim, number
    raise OSError(errno.EADDRNOTAVAIL, f"{len(_BLOCKS)} fake clusters run on this machine: no addresses are left")

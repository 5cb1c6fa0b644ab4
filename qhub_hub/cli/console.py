"""What a person sees in the terminal: progress while something takes time, and sentences when something is wrong."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class CommandError(Exception):
    """A command that can't go on. `str()` is what the person reads: what happened, where, and what to do."""


class Console:
    """Progress on a terminal or in a log.

    Args:
        stream: where lines go.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self.terminal = self._stream.isatty()

    def line(self, text: str = "") -> None:
        """One line of text."""
        print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Say what is being done, and how long it took once it is."""
        begun = time.monotonic()
        self._stream.write(f"  {doing} …" if self.terminal else f"  {doing} …\n")
        self._stream.flush()
        try:
            yield
        except BaseException:
            if self.terminal:
                self._stream.write("\n")
            raise
        seconds = time.monotonic() - begun
        if self.terminal:
            self._stream.write(f"\r  {doing} … {seconds:.1f} s\n")
        elif seconds >= 2:
            self._stream.write(f"  {doing}: {seconds:.1f} s\n")
        self._stream.flush()

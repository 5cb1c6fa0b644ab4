"""What of an environment's file is written into its layer."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from qhub_hub.environments.oci.layers import module_of
from qhub_hub.environments.oci.prefix import FILE, FOLDER, LINK, Entry, Prefix
from qhub_hub.environments.oci.relocation import Move, moved, moved_bytecode, moved_record, needs_change
from qhub_hub.environments.oci.tar import Item, Pieces, Stated

_RECORDS, _LARGEST = "conda-meta/", 64 * 2**20  # bytes of a record, or of one module's bytecode
_HISTORY = "conda-meta/history"
"""When and how conda was called, which is another for every build; that it is there makes a folder an environment."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An environment as it is in the image.

    Args:
        prefix: where it is now.
        move: from there to where it will be.
    """

    prefix: Prefix
    move: Move

    def item(self, entry: Entry) -> Item:
        """An entry as it goes into a layer: readable for everybody, changeable for nobody but root."""
        name = f"{os.fsdecode(self.move.new)}/{entry.path}".lstrip("/")
        if entry.kind == FOLDER:
            return Item(name, FOLDER, 0o755)
        if entry.kind == LINK:
            target = os.fsencode(entry.target).replace(self.move.old, self.move.new)
            return Item(name, LINK, 0o777, os.fsdecode(target))
        return Item(name, FILE, 0o755 if entry.executable else 0o644, content=self._content(entry))

    def _content(self, entry: Entry) -> "Callable[[], AbstractContextManager[Stated | None]]":
        if module := module_of(entry.path):
            return lambda: self._bytecode(entry.path, module)
        if entry.path == _HISTORY:
            return lambda: nullcontext(Stated(0, Pieces(iter(()))))
        if entry.path.startswith(_RECORDS) and entry.path.endswith(".json"):
            return lambda: self._record(entry.path)
        return lambda: self._file(entry.path)

    @contextmanager
    def _file(self, path: str) -> Iterator[Stated]:
        with self._opened(path) as file:
            if not needs_change(file, self.move):
                yield Stated(os.fstat(file.fileno()).st_size, file)
                return
            size = sum(map(len, moved(file, self.move)))
            yield Stated(size, Pieces(moved(file, self.move)))

    @contextmanager
    def _bytecode(self, path: str, module: str) -> Iterator[Stated | None]:
        try:
            with self._opened(module) as source:
                time = int(os.fstat(source.fileno()).st_mtime)
                same = not needs_change(source, self.move)  # what its bytecode says of it stays true
        except FileNotFoundError:
            same = False
        content = moved_bytecode(self.prefix.read(path, _LARGEST), self.move, time) if same else None
        yield None if content is None else Stated(len(content), Pieces(iter([content])))

    @contextmanager
    def _record(self, path: str) -> Iterator[Stated]:
        content = self.prefix.read(path, _LARGEST)
        try:
            content = moved_record(content, self.move)
        except ValueError:
            content = content.replace(self.move.old, self.move.new)
        yield Stated(len(content), Pieces(iter([content])))

    def _opened(self, path: str) -> BinaryIO:
        return open(self.prefix.open(path), "rb")

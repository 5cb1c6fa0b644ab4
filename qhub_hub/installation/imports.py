"""Imports that cost seconds or a third of a hub's memory, and that nobody here needs whole."""

import gc
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

# Each of these imports all of its parts, 800 files together: 45 MiB and 0.3 s, of which a hub uses a twentieth.
_GENERATED = ("kubernetes_asyncio.client", "kubernetes_asyncio.client.api", "kubernetes_asyncio.client.models")
_UNUSED = (
    # Formats (`iri`, `uri`, `duration`) that jsonschema checks where it finds these (4.2x, `_format.py`).
    "rfc3987_syntax",
    "rfc3986_validator",
    "isoduration",
    # Colours for Mako's error pages (1.3, `exceptions.py`), which alembic brings along.
    "mako.ext.pygmentplugin",
)
_FROM = re.compile(r"^from (\S+) import (\w+)$", re.MULTILINE)


@contextmanager
def without_collections() -> Iterator[None]:
    """Look for no garbage while modules are imported: they make a hundred thousand objects, and none of them is any.

    They are not looked at later, either. A sixth of a hub's start, and a fifth of a server's.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def skip_slow_imports() -> None:
    """Make imports fail that nothing here needs and whoever asks for them can do without.

    The first builds a grammar: 4 s of processor time in the hub and in every server. The others take a twentieth of a
    hub's start.
    """
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None is how Python spells "not importable"


def import_kubernetes_client_by_need() -> None:
    """Have the parts of the generated Kubernetes client imported when they are asked for, as PEP 562 allows it to.

    Does nothing where the client was imported before.
    """
    if _GENERATED[0] not in sys.modules and not any(isinstance(finder, _ByNeed) for finder in sys.meta_path):
        sys.meta_path.insert(0, _ByNeed())


class _ByNeed(MetaPathFinder):
    """Finds the packages above, and has `_Names` load them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _GENERATED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _Names()
        return spec


class _Names(Loader):
    """Loads a package that consists of `from module import Name` lines as one that carries each line out later."""

    def exec_module(self, module: ModuleType) -> None:
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        homes = {name: home for home, name in _FROM.findall(source)}

        def lookup(name: str) -> Any:
            if name not in homes:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            found = getattr(import_module(homes[name]), name)
            setattr(module, name, found)
            return found

        module.__getattr__ = lookup  # type: ignore[method-assign]
        module.__dir__ = lambda: sorted({*module.__dict__, *homes})  # type: ignore[method-assign]

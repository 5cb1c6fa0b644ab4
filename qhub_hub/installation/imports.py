"""Imports that cost seconds and that nobody here needs."""

import sys


def skip_slow_imports() -> None:
    """Make `import rfc3987_syntax` fail, before jupyter-events asks for it.

    It builds a grammar at import: 4 s of processor time in the hub and in every server, for `iri` format checks that
    nothing uses. Whoever imports it guards against its absence (jsonschema 4.2x, `_format.py`).
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python spells "not importable"

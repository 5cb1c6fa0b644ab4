"""The manifest contract: which environments exist, read by kernels, Dask options and the spawn page (design D11)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """One built environment.

    Args:
        namespace: folder it belongs to; decides who sees it.
        name: its name inside the namespace.
        prefix: absolute path of the build that is in force.
        status: `ready`, or a word that says why it can't be used.
    """

    namespace: str
    name: str
    prefix: str
    status: str = "ready"


Catalogue = tuple[Environment, ...]

"""`qhub env` where conda-store builds the environments: what it can say, and where everything else is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qhub_hub.cli.console import CommandError

if TYPE_CHECKING:
    from qhub_hub.cli.environment_place import Place
    from qhub_hub.environments.specification import Specification

CONDA_STORE_BUILDS = (
    "conda-store builds these (qhub.environments.provider): files in the namespaces' and in people's own folders are "
    "not built; people make environments at /services/conda-store/ of the hub."
)
_INSTEAD = {
    "build": "press Rebuild there, or change the declaration",
    "log": "each build there has its log",
    "rollback": "choose the build there that is to be in force",
    "remove": "delete it there",
}


def is_conda_store(place: "Place") -> bool:
    """Whether conda-store builds the environments of this place."""
    return place.values.qhub.environments.provider == "conda-store"


def refuse_for_conda_store(place: "Place", action: str) -> None:
    """Say where an action is to be done instead.

    Raises:
        CommandError: conda-store builds the environments of this place.
    """
    if is_conda_store(place):
        raise CommandError(
            f"conda-store builds the environments here, and `qhub env {action}` knows only those of QHub itself.\n"
            f"hint: open /services/conda-store/ of the hub: {_INSTEAD[action]}."
        )


def declared_in(place: "Place") -> "tuple[Specification, ...]":
    """What the values file declares: nothing else is wanted of conda-store."""
    from qhub_hub.environments.specification import declared

    return declared(place.values.qhub.environments)


def conda_store_report(place: "Place", namespace: str, name: str) -> Iterator[str]:
    """What is stated of an environment and what is there, a line per fact.

    Raises:
        CommandError: there is none.
    """
    from qhub_hub.config.quantities import show_bytes
    from qhub_hub.environments import read_manifest
    from qhub_hub.environments.audience import audience

    stated = next((one for one in declared_in(place) if one.key == f"{namespace}/{name}"), None)
    there = read_manifest(place.builds.namespace(namespace))
    found = next((environment for environment in there if environment.name == name), None)
    if stated is None and found is None:
        raise CommandError(f"There is no environment {namespace}/{name}; `qhub env list` shows those that are.")
    if stated is None:
        yield "Stated       in conda-store"
    else:
        yield f"Stated       {stated.source}"
        yield f"Packages     {', '.join(stated.dependencies)}"
        yield f"Channels     {', '.join(stated.channels)}"
    yield f"Seen by      {audience(place.values.qhub, namespace)}"
    if found is None:
        yield "Build        not built yet"
    elif found.prefix:
        yield f"Build        {found.built} in force; {len(found.packages)} packages, {show_bytes(found.size)}"
        yield f"             {found.prefix}"
        for kernel in found.kernels:
            yield f"Kernel       {kernel.title} ({kernel.language}) {kernel.problem}".rstrip()
    if found is not None and found.message:
        yield f"Last build   {found.message}"
    yield f"Builder      {CONDA_STORE_BUILDS}"
